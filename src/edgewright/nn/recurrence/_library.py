"""Compiled kernels: built by zig at first use, kept in the cache by their content, loaded with ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from edgewright.engines import _tools
from edgewright.engines._cache import built
from edgewright.errors import BoardFault, EdgewrightError
from edgewright.nn import cells

_SLICE_PRODUCTS = 20_000_000  # fewer are done before another thread has begun
_FLAGS = ("-std=c11", "-O3", "-fno-sanitize=all", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wno-psabi")
# zig compiles for the processor at hand unless told otherwise; a cache folder may be shared by several.
# Of x86-64-v3 only what torch itself asks the processor for is used: AVX2 and FMA.
AVX2 = ("-mcpu=x86_64_v3-bmi-bmi2-f16c-lzcnt-movbe",)
PORTABLE = ("-mcpu=baseline",)
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Kernel:
    """A cell with its source file, its functions with the types of their arguments, and a check of what was loaded."""

    cell: str
    functions: Mapping[str, tuple[Any, ...]]
    agrees: Callable[[ctypes.CDLL], bool]

    def __hash__(self) -> int:
        return hash(self.cell)


@dataclass(frozen=True)
class Loaded:
    """A kernel that can be called, or why there is none, with the fix."""

    library: ctypes.CDLL | None
    why_not: str | None


@cache
def load(kernel: Kernel) -> Loaded:
    """Return a kernel for this processor, built where it is not in the cache; never raises, as torch can do the same."""
    machine = platform.machine().lower()
    capability = torch.backends.cpu.get_cpu_capability()
    on_x86 = machine in ("x86_64", "amd64")
    if on_x86 and not capability.startswith(("AVX2", "AVX512")):
        return Loaded(None, "this processor has no AVX2, and without it torch's own operations are faster")
    if not on_x86 and machine not in ("aarch64", "arm64"):
        return Loaded(None, f"processors of the kind {machine!r} are not supported by the compiled kernel")
    if problem := _tools.zig_why_not():
        return Loaded(None, problem)
    try:
        library = build(kernel, AVX2 if on_x86 else PORTABLE)
    except (EdgewrightError, OSError) as error:
        return Loaded(None, f"the compiled kernel cannot be built or loaded here: {error}")
    if not kernel.agrees(library):
        return Loaded(None, "the compiled kernel computes something else than torch on this processor")
    return Loaded(library, None)


def build(kernel: Kernel, machine: tuple[str, ...]) -> ctypes.CDLL:
    """Return a kernel compiled for a machine, AVX2 or PORTABLE. Raises EdgewrightError, OSError."""
    source = f"{kernel.cell}.c"
    paths = (Path(cells.__file__).parent / source, _HERE / "recurrence.h", _HERE / "vectors.h")
    sources = {path.name: path.read_text(encoding="utf-8") for path in paths}
    command = [*_tools.zig(), *_FLAGS, *machine]
    name = "kernel" + {"nt": ".dll"}.get(os.name, ".so")

    def make(folder: Path) -> dict[str, Any]:
        for file, text in sources.items():
            (folder / file).write_text(text, encoding="utf-8")
        _tools.compile_with([*command, source, "-o", name], folder, f"The kernel {source}")
        return {"sha256": _hash(folder / name)}

    ingredients = [sources, command, _tools.zig_version(), platform.system(), platform.machine(), *platform.libc_ver()]
    folder, facts = built(ingredients, make)
    if facts.get("sha256") != _hash(folder / name):  # loading a damaged library can end the process
        shutil.rmtree(folder, ignore_errors=True)
        folder, facts = built(ingredients, make)
        if facts.get("sha256") != _hash(folder / name):
            raise BoardFault(f"{folder / name} is damaged; remove the folder and try again")
    library = ctypes.CDLL(str(folder / name))
    for function, arguments in kernel.functions.items():
        getattr(library, function).argtypes = arguments
        getattr(library, function).restype = None
    return library


def slices(rows: int, products: int) -> list[tuple[int, int]]:
    """Return (first, last) rows for each thread: as many threads as torch uses, fewer where there are few products."""
    count = max(1, min(torch.get_num_threads(), rows, products // _SLICE_PRODUCTS))
    return [(rows * part // count, rows * (part + 1) // count) for part in range(count)]


def each(call: Callable[[int, int, int], None], parts: list[tuple[int, int]]) -> None:
    """Call with (number, first, last) of every slice, each in a thread of its own; ctypes lets them run at once."""
    if len(parts) == 1:
        call(0, *parts[0])
        return
    with ThreadPoolExecutor(len(parts) - 1) as threads:
        others = [threads.submit(call, number, *part) for number, part in enumerate(parts[1:], 1)]
        call(0, *parts[0])
    for other in others:
        other.result()


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
