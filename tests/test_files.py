"""Files appear whole or not at all; what exists is not replaced unless asked for, and then only by something whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgewright.errors import CannotWrite, OutputExists
from edgewright.files import output_folder, write_file


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    place = tmp_path / "new" / "file.txt"
    write_file(place, "naïve")
    assert place.read_bytes() == "naïve".encode()
    write_file(place, b"\0")
    assert place.read_bytes() == b"\0"
    assert everything(tmp_path) == {"new", "new/file.txt"}


@pytest.mark.parametrize("failing", ["fdopen", "replace"])
@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(errno.ENOSPC, "No space left"), CannotWrite), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    failing: str, error: BaseException, raised: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "file.txt"
    write_file(place, "old")

    def fail(descriptor: object, *arguments: object) -> None:
        if isinstance(descriptor, int):
            os.close(descriptor)
        raise error

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(raised):
        write_file(place, "new")
    monkeypatch.undo()
    assert (place.read_text(), everything(tmp_path)) == ("old", {"file.txt"})


def test_no_file_over_a_folder_and_no_folder_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite, match="folder"):
        write_file(tmp_path / "folder", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="file"):
        write_file(tmp_path / "file" / "inner", "x")
    with pytest.raises(CannotWrite), output_folder(tmp_path / "file" / "inner"):
        pass
    assert everything(tmp_path) == {"folder", "file"}


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "a" / "out"
    with output_folder(place) as folder:
        (folder / "inner.txt").write_text("new")
        assert not place.exists()
    assert everything(tmp_path) == {"a", "a/out", "a/out/inner.txt"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_everything_as_it_was(error: type[BaseException], tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "old.txt").write_text("old")

    def fill() -> None:
        with output_folder(place, force=True) as folder:
            (folder / "new.txt").write_text("new")
            raise error

    with pytest.raises(error):
        fill()
    assert everything(tmp_path) == {"out", "out/old.txt"}


def test_what_exists_is_kept_without_force_and_replaced_with_it(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "old.txt").write_text("old")
    with pytest.raises(OutputExists, match=r"out exists already.*--force"), output_folder(place):
        pass
    with output_folder(place, force=True) as folder:
        (folder / "new.txt").write_text("new")
    assert everything(tmp_path) == {"out", "out/new.txt"}


def test_a_folder_that_cannot_take_its_name_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, replace = tmp_path / "out", os.replace
    place.mkdir()
    (place / "old.txt").write_text("old")
    calls = []

    def second_fails(source: object, target: object) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left")
        replace(source, target)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(CannotWrite, match="No space left"), output_folder(place, force=True):
        pass
    assert everything(tmp_path) == {"out", "out/old.txt"}


@pytest.mark.parametrize("given", [".", "..", "inner/..", "absolute"])
def test_the_working_directory_is_never_replaced(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "precious.txt").write_text("mine")
    (work / "inner").mkdir()
    monkeypatch.chdir(work)
    place = work if given == "absolute" else Path(given)
    with pytest.raises(OutputExists, match="working directory"), output_folder(place, force=True):
        pass
    assert (work / "precious.txt").read_text() == "mine"
