"""Where the compiled kernels of the cells come from, and what serves where they cannot be had."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from edgewright.engines import _cache, _tools
from edgewright.errors import MissingTool
from edgewright.nn import cells, recurrence
from edgewright.nn.recurrence import _compiled, _library

KERNEL = _compiled.kernel("fastgrnn")


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forgets what was loaded, before and after."""
    _library.load.cache_clear()
    yield
    _library.load.cache_clear()


def falls_back(because: str) -> None:
    """A cell works all the same, and says why not by the kernel."""
    chosen = recurrence.choice("lstm")
    assert chosen.name == "torch"
    assert because in str(chosen.why_not)
    generator = torch.Generator().manual_seed(0)
    x, W, U, *biases = (torch.randn(shape, generator=generator) for shape in ((3, 4, 2), (20, 2), (20, 5), *[(5,)] * 4))
    vectors = dict(zip(cells.get("lstm").vectors, biases, strict=True))
    by_itself = recurrence.run("lstm", x, W, U.requires_grad_(), vectors)
    assert torch.equal(by_itself, recurrence.run("lstm", x, W, U, vectors, implementation="torch"))
    with pytest.raises(MissingTool, match="does not serve"):
        recurrence.run("lstm", x, W, U, vectors, implementation="compiled")
    by_itself.sum().backward()
    assert U.grad is not None


@pytest.mark.usefixtures("fresh")
def test_without_a_compiler_torch_operations_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tools, "zig_why_not", lambda: "the package ziglang is not installed: pip install ziglang")
    falls_back("pip install ziglang")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("machine", "capability", "because"),
    [("x86_64", "DEFAULT", "no AVX2"), ("AMD64", "AVX", "no AVX2"), ("s390x", "ZVECTOR", "'s390x' are not supported")],
)
def test_without_its_processor_torch_operations_serve(
    monkeypatch: pytest.MonkeyPatch, machine: str, capability: str, because: str
) -> None:
    monkeypatch.setattr(_library.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    falls_back(because)


@pytest.mark.usefixtures("fresh")
def test_where_the_build_fails_torch_operations_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_FLAGS", (*_library._FLAGS, "-fno-such-option"))
    falls_back("does not build")


@pytest.mark.usefixtures("fresh")
def test_where_nothing_can_be_cached_torch_operations_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path / "file" / "folder"))
    falls_back("Cannot write the build cache")


@pytest.mark.usefixtures("fresh")
def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _library.build

    def wrong(kernel: _library.Kernel, machine: tuple[str, ...]) -> ctypes.CDLL:
        library = honest(kernel, machine)
        monkeypatch.setattr(library, "recurrence_backward", lambda *_: None)
        return library

    monkeypatch.setattr(_library, "build", wrong)
    falls_back("something else than torch")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("damage", [b"", b"not a library", None], ids=["empty", "text", "gone"])
def test_a_damaged_library_in_the_cache_is_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes | None
) -> None:
    built = Path(_library.build(KERNEL, _library.PORTABLE)._name)
    library = tmp_path / "builds" / built.parent.name / built.name
    shutil.copytree(built.parent, library.parent)
    (tmp_path / "zig").symlink_to(_cache.cache_folder() / "zig")  # what zig keeps takes long to make again
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    library.unlink()
    if damage is not None:
        library.write_bytes(damage)
    again = _library.build(KERNEL, _library.PORTABLE)
    assert Path(again._name) == library
    assert KERNEL.agrees(again)


def test_the_cache_is_the_projects_own() -> None:
    library = _library.load(KERNEL).library
    assert library is not None
    assert Path(library._name).is_relative_to(_cache.cache_folder())
