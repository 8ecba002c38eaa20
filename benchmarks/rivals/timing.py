"""Times forward passes against each other in one process on one thread: `python -m benchmarks.rivals.timing NAME`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rivals import environment, forward, networks
from edgewright import records
from edgewright.errors import CheckFailed
from edgewright.records import Record

MEASURED, LEFT_OUT = "forward", "forward left out"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
SECONDS_EACH = 2.0  # of measuring a forward pass, at least LEAST_RUNS of them
LEAST_RUNS = 3
TURN_SECONDS = 0.02
TOLERANCE = 1e-3
ROOT = Path(__file__).resolve().parents[2]


def measured(name: str, *, quick: bool = False) -> list[Record]:
    """Return a record a forward pass for a layer or a network: the median of its seconds, or why there is none."""
    environ = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    command = [sys.executable, "-m", "benchmarks.rivals.timing", name, *(["--quick"] if quick else [])]
    finished = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise CheckFailed(f"The forward passes of {name!r} could not be timed:\n{finished.stderr[-2000:]}")
    found: list[dict[str, Any]] = json.loads(finished.stdout)
    made = []
    for one in found:
        entry = forward.get(one["forward"])
        versions = records.versions() | {entry.package: environment.RIVALS[entry.package]} if entry.rival else None
        fields: dict[str, Any] = {"threads": 1, "seed": 0} | ({"versions": versions} if versions else {})
        settings = {"forward": one["forward"], "network": name}
        if one["reason"]:
            made.append(records.make(LEFT_OUT, one["forward"], settings=settings | {"reason": one["reason"]}, **fields))
        else:
            made.append(records.make(MEASURED, one["forward"], settings=settings, numbers=one["numbers"], **fields))
    return made


def compare(name: str, seconds_each: float) -> list[dict[str, Any]]:
    """Return what each forward pass of this process gave for a layer or a network."""
    model = networks.get(name)
    x = networks.typical(model)
    found: list[dict[str, Any]] = []
    ready = {}
    for one in forward.names():
        entry = forward.get(one)
        reason = entry.why_not() or (
            "computes single layers only" if entry.single and len(model.graph.node) > 1 else None
        )
        if reason is None and entry.single and name != networks.SMALL:
            reason = "takes minutes for a large layer"
        found.append({"forward": one, "reason": reason})
        if reason is None:
            ready[one] = entry.prepare(model)
    answers = {one: np.asarray(run(x)) for one, run in ready.items()}  # also warms up
    seconds: dict[str, list[float]] = {one: [] for one in ready}
    # Turn by turn, so that what else this computer does falls on all alike; each turn long enough to have the caches to itself.
    while waiting := [one for one in ready if _unfinished(seconds[one], seconds_each)]:
        for one in waiting:
            ready[one](x)
            until = time.perf_counter() + TURN_SECONDS
            while True:
                began = time.perf_counter()
                ready[one](x)
                ended = time.perf_counter()
                seconds[one].append(ended - began)
                if ended > until:
                    break
    for entry_found in found:
        one = entry_found["forward"]
        if one in ready:
            difference = float(np.max(np.abs(answers[one] - answers["edgewright"])))
            entry_found["numbers"] = {
                "seconds": statistics.median(seconds[one]),
                "seconds_least": min(seconds[one]),
                "runs": len(seconds[one]),
                "largest_difference": difference,
                "same": int(difference <= TOLERANCE * float(np.max(np.abs(answers["edgewright"])))),
            }
    return found


def _unfinished(taken: list[float], seconds_each: float) -> bool:
    return len(taken) < LEAST_RUNS or sum(taken) < seconds_each


if __name__ == "__main__":
    print(json.dumps(compare(sys.argv[1], 0.05 if "--quick" in sys.argv else SECONDS_EACH)))
