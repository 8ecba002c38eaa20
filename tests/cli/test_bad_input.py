"""What users get wrong: one message that names the problem and the fix, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Edgewright, Result, rows

HEADER = "f0,f1,f2,label\n"
SOUND = "".join(f"{i},{i % 3}.5,{-i},{'ab'[i % 2]}\n" for i in range(12))

# content of the table -> what the message must hold: the problem, then the fix
TABLES = {
    "missing values": (HEADER + SOUND + "1,,2,a\n", ("'f1'", "missing values", "line 14", "Fill them in")),
    "text column": (HEADER + SOUND + "1,red,2,a\n", ("'f1'", "'red'", "Encode it as numbers")),
    "one class": (HEADER + SOUND.replace("b", "a"), ("one class only", "at least two")),
    "one row": (HEADER + "1,2,3,a\n", ("one row", "at least two rows")),
    "no rows": (HEADER, ("no rows", "at least two rows")),
    "empty": ("", ("is empty", "a header")),
    "ragged": (HEADER + SOUND + "1,2,a\n", ("line 14 has 3 cells", "Make all lines equally long")),
    "missing target": (
        SOUND and HEADER.replace("label", "lable") + SOUND,
        ("no target column 'label'", "Did you mean 'lable'?"),
    ),
    "NaN": (HEADER + SOUND + "nan,1,2,a\n", ("'f0'", "missing values", "Fill them in")),
    "infinity": (HEADER + SOUND + "1,inf,2,a\n", ("'f1'", "infinite", "must be finite")),
    "no header": (SOUND.replace("a", "0").replace("b", "1"), ("not column names", "Put a header line")),
    "rare class": (HEADER + SOUND + "1,2,3,c\n", ("c (1)", "Add rows")),
}


def build(edgewright: Edgewright, data: object, out: Path, *others: str) -> Result:
    return edgewright("build", "--data", data, "--board", "microbit", "--model", "decision-tree", "--out", out, *others)


def check(result: Result, said: tuple[str, ...], out: Path, code: int = 2) -> None:
    assert result.code == code, result.err
    assert result.out == ""
    assert result.err.startswith("edgewright: ")
    assert "Traceback" not in result.err
    for words in said:
        assert words in result.err
    assert not out.exists()
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("case", TABLES)
def test_bad_csv(case: str, tmp_path: Path, edgewright: Edgewright) -> None:
    content, said = TABLES[case]
    (tmp_path / "table.csv").write_text(content)
    result = build(edgewright, tmp_path / "table.csv", tmp_path / "out", "--target", "label")
    check(result, said, tmp_path / "out")


def test_far_too_many_rows(tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewright.data.tables.LARGEST_BYTES", 100)
    (tmp_path / "table.csv").write_text(HEADER + SOUND)
    result = build(edgewright, tmp_path / "table.csv", tmp_path / "out", "--target", "label")
    check(result, ("too large", "Give a sample of the rows"), tmp_path / "out")


def _pickles(path: Path) -> None:
    np.savez(path, X=np.array([{"a": 1}, None] * 5, dtype=object), y=np.arange(10) % 2)


def _damaged_npz(path: Path) -> None:
    path.write_bytes(b"PK\3\4 not an archive")


def _fractions(path: Path) -> None:
    np.savez(path, X=np.ones((10, 2)), y=np.arange(10) / 3)


def _huge_header(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("X", "y"):
            header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999, 9999), }"
            header += b" " * (-(len(header) + 11) % 64) + b"\n"
            archive.writestr(f"{name}.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)


NPZ: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "pickles": (_pickles, ("pickled Python objects", "Save a plain array")),
    "damaged": (_damaged_npz, ("not a sound NPZ file", "numpy.savez")),
    "fractions": (_fractions, ("labels are whole numbers or text",)),
    "huge": (_huge_header, ("too large", "Give a sample")),
    "wrong keys": (lambda path: np.savez(path, data=np.ones((4, 2)), y=np.arange(4)), ("lacks 'X'", "numpy.savez")),
    "wrong shapes": (lambda path: np.savez(path, X=np.ones((4, 2)), y=np.arange(5)), ("'X' has 4 rows, 'y' has 5",)),
    "NaN": (lambda path: np.savez(path, X=np.full((8, 2), np.nan), y=np.arange(8) % 2), ("NaN", "Fill them in")),
    "sequences": (
        lambda path: np.savez(path, X=rows(30, 4)[0].reshape(30, 2, 2), y=np.arange(30) % 3),
        ("takes tables", "fastgrnn"),
    ),
}


@pytest.mark.parametrize("case", NPZ)
def test_bad_npz(case: str, tmp_path: Path, edgewright: Edgewright) -> None:
    make, said = NPZ[case]
    make(tmp_path / "table.npz")
    check(build(edgewright, tmp_path / "table.npz", tmp_path / "out"), said, tmp_path / "out")


def test_constant_features_are_a_warning(tmp_path: Path, edgewright: Edgewright) -> None:
    content = HEADER + "".join(f"{i % 2},7,{i},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "table.csv").write_text(content)
    result = build(edgewright, tmp_path / "table.csv", tmp_path / "out", "--target", "label")
    assert result.code == 0, result.err
    assert "constant features carry no information: f1" in result.err
    assert (tmp_path / "out").is_dir()


WRONG_OPTIONS = {
    "board": (("--board", "microbot"), ("no board named 'microbot'", "Did you mean 'microbit'?")),
    "model": (("--model", "bonzai"), ("no model named 'bonzai'", "Did you mean 'bonsai'?")),
    "export": (("--export", "ardiuno"), ("no export named 'ardiuno'", "Did you mean 'arduino'?")),
    "setting": (("--set", "max_dept=3"), ("no setting of decision-tree", "Did you mean 'max_depth'?")),
    "setting without value": (("--set", "max_depth"), ("not NAME=VALUE", "--set epochs=40")),
    "value of a setting": (("--set", "max_depth=deep"), ("cannot be trained", "max_depth", "int")),
    "size of a tree": (("--size-kb", "2"), ("no --size-kb", "--set max_depth=4")),
    "name": (("--name", "2 fast"), ("'2 fast' cannot name a model", "lower-case letter")),
    "target": (("--target", "lbel"), ("no target column 'lbel'", "Did you mean 'label'?")),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_wrong_options(case: str, table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    options, said = WRONG_OPTIONS[case]
    check(build(edgewright, table, tmp_path / "out", "--target", "label", *options), said, tmp_path / "out")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("0", ("size_kb is 0", "above 0")),
        ("nan", ("size_kb is nan", "above 0")),
        ("0.01", ("the smallest takes", "larger size_kb")),
    ],
)
def test_a_size_that_nothing_fits(
    size: str, said: tuple[str, ...], table: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    given = ("--target", "label", "--model", "bonsai", "--size-kb", size)
    check(build(edgewright, table, tmp_path / "out", *given), said, tmp_path / "out")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("digit", ("no dataset or file named 'digit'", "Did you mean 'digits'?")),
        ("gesture.csv", ("There is no file gesture.csv", "Did you mean gestures.csv?")),
        ("gestures.xlsx", ("is no table that we read", ".csv, .tsv, .npz")),
    ],
)
def test_data_that_is_not_there(
    data: str, said: tuple[str, ...], table: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    check(build(edgewright, data, table.parent / "out", "--target", "label"), said, table.parent / "out")


def test_a_dataset_that_is_not_on_this_machine(
    tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEWRIGHT_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = build(edgewright, "usps", tmp_path / "out")
    check(result, ("usps is not on this machine", "EDGEWRIGHT_DATA", "numpy.savez"), tmp_path / "out")


@pytest.mark.parametrize("command", ["compile", "verify", "cost", "show"])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.edgewright", None, ("There is no file", "Did you mean")),
        ("broken.edgewright", b"\x10\0\0\0\0\0\0\0{not json at all", ("broken.edgewright", "damaged")),
        ("broken.tflite", b"\x1c\0\0\0TFL3" + b"\xff" * 64, ("broken.tflite",)),
        ("broken.skops", b"PK\3\4" + b"\0" * 64, ("broken.skops", "damaged")),
        ("model.onyx", b"whatever", ("no kind of model file named '.onyx'", ".tflite")),
    ],
)
def test_bad_model_files(
    command: str, name: str, content: bytes | None, said: tuple[str, ...], tmp_path: Path, edgewright: Edgewright
) -> None:
    (tmp_path / "absent.edgewrigh").write_text("")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    out = tmp_path / "out"
    options = {"compile": ("--board", "microbit", "--out", out), "verify": ("--board", "microbit")}.get(command, ())
    check(edgewright(command, path, *options), said, out)


def test_a_model_in_float_needs_calibration(float_model: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright("compile", float_model, "--board", "microbit", "--out", tmp_path / "out")
    check(result, ("is in float", "--calibration"), tmp_path / "out")


BAD_ROWS = {
    "text": ("f0,f1,f2,f3\n1,2,3,red\n", ("cannot be read as rows of numbers", "--target")),
    "NaN": ("f0,f1,f2,f3\n1,2,3,nan\n", ("NaN or infinity", "[0, 3]", "Clean the rows")),
    "width": ("f0,f1,f2\n1,2,3\n", ("[n, 4]", "[1, 3]")),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_to_run(case: str, model: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    content, said = BAD_ROWS[case]
    (tmp_path / "rows.csv").write_text(content)
    result = edgewright("verify", model, "--board", "microbit", "--data", tmp_path / "rows.csv")
    check(result, said, tmp_path / "out")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": np.array(["a", "b"])}, ("'X' is", "numbers")),
        ({"Z": np.ones((3, 4))}, ("lacks 'X'",)),
        ({"X": np.array([[None]])}, ("'X' is object", "numbers")),
    ],
)
def test_bad_npz_rows_to_run(
    arrays: dict[str, np.ndarray], said: tuple[str, ...], model: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)
    result = edgewright("verify", model, "--board", "microbit", "--data", tmp_path / "rows.npz")
    check(result, said, tmp_path / "out")


def test_an_unknown_stage_suggests_the_nearest(model: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    check(
        edgewright("show", model, "memmory"), ("no stage named 'memmory'", "Did you mean 'memory'?"), tmp_path / "out"
    )


def test_out_below_a_file(table: Path, edgewright: Edgewright) -> None:
    result = build(edgewright, table, table / "out", "--target", "label")
    assert result.code == 2
    assert result.out == ""
    assert f"Cannot write {table / 'out'}" in result.err
    assert "choose another place" in result.err
    assert table.is_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_no_permission(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    result = build(edgewright, table, locked / "out", "--target", "label")
    check(result, ("Cannot write", "Permission denied"), locked / "out")


def test_a_missing_extra_says_what_to_install(
    table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.model_selection", None)
    result = build(edgewright, table, tmp_path / "out", "--target", "label")
    check(result, ("sklearn", "pip install 'edgewright[train]'"), tmp_path / "out")
