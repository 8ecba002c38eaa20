"""Trains into the cache, so that several processes can share the work: `python -m benchmarks.sequences.prepare pixel mnist`.

Words choose the models whose names have them all; without any, all are trained. The benchmark then finds them there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.sequences import agreement, dense_cost, emi, keywords, mnist, msc
from benchmarks.sequences.trained import SEEDS, Trained


def trainings() -> dict[str, Callable[[], Trained]]:
    """Return what trains each model, by its name and seed."""
    found: dict[str, Callable[[], Trained]] = {}
    for seed in SEEDS:
        end = f"seed {seed}"
        found |= {f"{one.name} {end}": partial(mnist.model, one.name, seed, False) for one in mnist.SETTINGS}
        found |= {f"{one.name} {end}": partial(keywords.model, one.name, seed, False) for one in keywords.SETTINGS}
        found |= {f"{one.name} {end}": partial(keywords.on_bands, one, seed, False) for one in dense_cost.SETTINGS}
        found |= {
            f"{emi.called(one.name, kind)} {end}": partial(emi.model, one.name, kind, seed, False)
            for one in emi.SETTINGS
            for kind in one.kinds
        }
        found |= {f"{msc.called(kind)} {end}": partial(msc.model, kind, seed, False) for kind in msc.KINDS}
    return found | {
        agreement.called(learner): partial(agreement.model, learner, False) for learner in agreement.LEARNERS
    }


def prepare(words: Sequence[str]) -> None:
    """Train every chosen model, seed by seed."""
    for name, train in trainings().items():
        if set(words) <= set(name.split()):
            began = time.perf_counter()
            train()
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    prepare(sys.argv[1:])
