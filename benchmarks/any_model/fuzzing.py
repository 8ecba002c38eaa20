"""Damaged files, each read in a process that is watched.

A damaged file must give a clear error or a model that computes what the file, as it is now, says: no crash, nothing over ten seconds, no
gigabyte. Where it gives a model, that is held against the ONNX semantics in NumPy, or against LiteRT's reference kernels.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.any_model import sources
from edgewright import frontends, records
from edgewright.compiler.emit import emit
from edgewright.errors import EdgewrightError, MissingTool
from edgewright.ir.types import Array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

SECONDS = 10
BYTES = 2**30
BAD = ("crash", "hang", "memory", "wrong", "unclear")
COMPARED = ("same", "wrong")
ONNX_NETWORKS = ("a classifier", "squeeze and excitation", "branches")
REFERENCE_FILES = ("ad01_int8", "kws_ref_model")

Check = Callable[[Path, Any], str]


@dataclass(frozen=True)
class Base:
    """A whole file. damage(count, seed): damaged copies of it. check: of the graph that one gives, "same", "wrong" or why neither."""

    name: str
    damage: Callable[[int, int], Sequence[bytes]]
    check: Check


def bases(kind: str) -> list[Base]:
    """Return the whole files of a kind, "onnx" or "tflite". Raises MissingTool."""
    mutations = sources.tests("frontends", "test_frontends_fuzz").mutations

    def plain(name: str, data: bytes, check: Check) -> Base:
        return Base(name, lambda count, seed: mutations(data, count, seed), check)

    if kind == "onnx":
        files = sources.tests("frontends", "test_onnx_fuzz")
        found = [plain(name, proto.SerializeToString(), _compiles) for name, proto in files.FILES.items()]
        networks = {name: files.NETWORKS[name] for name in ONNX_NETWORKS}
        return found + [
            plain(name, one.proto().SerializeToString(), _against_numpy(tuple(one.shape)))
            for name, one in networks.items()
        ]
    layer = sources.tests("frontends", "small_tflite")
    scales = (0.02, 0.011, 0.2, 0.0031, 0.05)
    tensors, operators = layer.one_layer(weight_scales=scales, activation=layer.RELU)
    small = plain("one layer", layer.small_tflite(tensors, operators, [0], [3]), _against_litert)
    whole = {name: sources.network_file(name).read_bytes() for name in REFERENCE_FILES}
    return [small, *(Base(name, _around_weights(data), _against_litert) for name, data in whole.items())]


def _around_weights(data: bytes) -> Callable[[int, int], Sequence[bytes]]:
    """Return what damages a file anywhere but in its largest weights, where damage is none."""
    tests = sources.tests("frontends", "test_frontends_fuzz")
    tables, place = tests.tables_of(data)
    weights = data[place : place + len(data) - len(tables)]

    def damage(count: int, seed: int) -> list[bytes]:
        copies = tests.mutations(tables, count, seed)
        return [
            data[: len(copy)] if number % 4 == 0 else copy[:place] + weights + copy[place:]
            for number, copy in enumerate(copies)
        ]

    return damage


def _compiles(path: Path, graph: Any) -> str:
    if graph.is_quantised:
        emit({"model": graph})
    return "not compared"


def _against_numpy(shape: tuple[int, ...]) -> Check:
    import onnx

    from edgewright.numpy_backend.execute import run_model

    oracle = sources.tests("frontends", "onnx_oracle")
    x = np.random.default_rng(0).normal(0.0, 1.0, (2, *shape)).astype(np.float32)

    def check(path: Path, graph: Any) -> str:
        (expected,) = run_model(onnx.load_from_string(path.read_bytes()), {"in": x})
        actual = oracle.file_order(run_float(graph, oracle.channels_last(x)), expected, image=True)
        if actual.shape != expected.shape:
            return "wrong"
        if not np.all(np.isfinite(expected)) or np.abs(expected).max(initial=0.0) >= 1e6:
            return "not compared"
        most = 1e-3 * max(1.0, float(np.abs(expected).max(initial=0.0)))
        return "same" if np.abs(actual - expected).max(initial=0.0) <= most else "wrong"

    return check


def _against_litert(path: Path, graph: Any) -> str:
    if not graph.is_quantised:
        return "not compared"
    emit({"model": graph})
    given = graph.input_type
    low, high = given.range
    x = np.random.default_rng(0).integers(low, high, (2, *given.shape), endpoint=True).astype(given.dtype)
    ours = run_integer(graph, x)
    print("oracle", flush=True)  # from here on a crash is LiteRT's own
    signal.alarm(SECONDS)
    try:
        expected = sources.tests("frontends", "litert").reference(path, x)
    except (RuntimeError, ValueError) as error:
        return f"LiteRT refuses: {type(error).__name__}"
    return _close(ours, expected)


def _close(ours: Array, expected: Array) -> str:
    if ours.size != expected.size or ours.dtype != expected.dtype:
        return "wrong"
    apart = np.abs(ours.astype(np.int64).reshape(expected.shape) - expected)
    return "same" if apart.max(initial=0) <= 1 else "wrong"


def read_all(kind: str, seed: int, count: int, first: int) -> None:
    """Read damaged files from number `first` on and print what each gave, a line each."""
    import resource

    warnings.simplefilter("ignore")
    found = bases(kind)
    each = -(-count // len(found))
    damaged = [(base, data) for base in found for data in base.damage(each, seed)][:count]
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    with tempfile.TemporaryDirectory(prefix="edgewright-fuzz-") as folder:
        path = Path(folder) / f"m.{kind}"
        for number, (base, data) in enumerate(damaged[first:], first):
            path.write_bytes(data)
            print(f"begin {number} {base.name}", flush=True)
            signal.alarm(SECONDS)
            outcome = _outcome(path, base)
            signal.alarm(0)
            print(f"end {outcome}", flush=True)


def _outcome(path: Path, base: Base) -> str:
    try:
        graph = frontends.read(path)
        return base.check(path, graph)
    except EdgewrightError as error:
        return type(error).__name__
    except MemoryError:
        return "memory"
    except Exception as error:
        return f"unclear: {type(error).__name__}: {error}".replace("\n", " ")[:200]


def unit(kind: str, seed: int, count: int) -> Iterator[Record]:
    """Read `count` damaged files of a kind. Raises MissingTool."""
    if os.name == "nt":
        raise MissingTool("Damaged files are read under a limit of memory, which this system does not set.")
    bases(kind)  # what is missing is told before anything is run
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    first = 0
    while first < count:
        code = f"from benchmarks.any_model.fuzzing import read_all; read_all({kind!r}, {seed}, {count}, {first})"
        environ = os.environ | {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(sources.ROOT), str(sources.ROOT / "src")]),
        }
        process = subprocess.run(
            [sys.executable, "-c", code],
            cwd=sources.ROOT,
            env=environ,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        begun, name, at_oracle = None, "", False
        for line in process.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "begin":
                number, _, name = rest.partition(" ")
                begun, at_oracle = int(number), False
            elif word == "oracle":
                at_oracle = True
            elif word == "end" and begun is not None:
                outcome = rest.partition(":")[0]
                outcomes[outcome] += 1
                if outcome in BAD:
                    bad[f"{name} {begun}"] = rest
                first, begun = begun + 1, None
        if process.returncode == 0:
            break
        if begun is None:
            raise MissingTool(f"Damaged files cannot be read here: {process.stderr.strip()[-500:]}")
        ended = "hang" if process.returncode == -signal.SIGALRM else "crash"
        outcome = f"LiteRT: {ended}" if at_oracle else ended
        outcomes[outcome] += 1
        if not at_oracle:
            bad[f"{name} {begun}"] = f"{ended}: exit status {process.returncode}"
        first = begun + 1
    numbers = {
        "mutants": sum(outcomes.values()),
        "graphs_compared": sum(outcomes[one] for one in COMPARED),
        "errors": sum(number for one, number in outcomes.items() if one[0].isupper() and not one.startswith("LiteRT")),
        **{one: outcomes[one] for one in BAD},
    }
    yield records.make("fuzz", kind, seed=seed, numbers=numbers, tables={"outcomes": dict(outcomes), "bad": bad})
