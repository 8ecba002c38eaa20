"""ONNX's node cases, the forward pass beside others, and random graphs."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import onnx

from benchmarks.any_model import sources
from benchmarks.rivals import environment, networks, timing
from edgewright import records
from edgewright.errors import MissingTool
from edgewright.records import Record

GRAPHS = 1_000  # of a unit


def node_cases(quick: bool) -> Iterator[Record]:
    """Count the ONNX project's node cases that the NumPy backend passes, as the tests do; a quick run takes some operators."""
    tests = sources.tests("numpy_backend", "test_node_cases")
    operators = [*tests.cases()][:: 20 if quick else 1]
    passed, listed, unexplained = 0, {}, {}
    for operator in operators:
        for case, why in tests.failures(operator).items():
            if not why:
                passed += 1
            elif reason := tests.listed(operator, case):
                listed[case] = reason
            else:
                unexplained[case] = why
    yield records.make(
        "node cases",
        f"onnx {onnx.__version__}",
        numbers={
            "operators": len(operators),
            "passed": passed,
            "listed": len(listed),
            "unexplained": len(unexplained),
        },
        tables={"listed": listed, "unexplained": unexplained},
    )


def forward(network: str, quick: bool) -> Iterator[Record]:
    """Time the forward passes of one layer, turn by turn on one thread."""
    if not quick:
        environment.install()
    yield from timing.measured(network, quick=quick)


def layers(quick: bool) -> tuple[str, ...]:
    """Return the layers that forward passes are timed on."""
    return (networks.SMALL,) if quick else (networks.SMALL, *networks.LARGE)


def random_graphs(number: int, quick: bool) -> Iterator[Record]:
    """Run the property test of random graphs on the graphs of one unit, on all cores. Raises MissingTool."""
    for module, package in (("hypothesis", "hypothesis"), ("xdist", "pytest-xdist")):
        if importlib.util.find_spec(module) is None:
            raise MissingTool(f"Random graphs need the package {package}: pip install {package}.")
    chunk = sources.tests("properties", "test_random_graphs").CHUNK
    count = chunk if quick else GRAPHS
    environ = os.environ | {
        "EDGEWRIGHT_RANDOM_GRAPHS": str(count),
        "EDGEWRIGHT_RANDOM_START": str(number * GRAPHS // chunk),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "twin_equals_c"]
    command += ["-n", str(os.cpu_count() or 1)]
    finished = subprocess.run(
        [*command, "tests/properties/test_random_graphs.py"],
        cwd=sources.ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, last = ["", *finished.stdout.strip().splitlines()]
    by_word = {word: int(found) for found, word in re.findall(r"(\d+) (passed|failed|error|skipped)", last)}
    if by_word.get("skipped") or not by_word:
        raise MissingTool(f"Random graphs cannot be run here: {(finished.stdout + finished.stderr).strip()[-500:]}")
    wrong = by_word.get("failed", 0) + by_word.get("error", 0)
    yield records.make(
        "random graphs",
        "all operators",
        seed=number,
        settings={"graphs": count, "first_chunk": number * GRAPHS // chunk, "chunk": chunk},
        numbers={"graphs": count if not wrong else by_word.get("passed", 0) * chunk, "chunks_failed": wrong},
        tables={"said": {"tail": without_folders(finished.stdout[-3000:])}} if wrong else {},
    )


def without_folders(text: str) -> str:
    """Return a text with absolute paths cut down to file names: a record is not of one machine."""
    return re.sub(r"(?<![\w.])(?:/[\w.@+-]+)+/([\w.@+-]+)", r"\1", text)
