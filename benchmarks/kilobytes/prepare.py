"""Trains into the cache, so that several processes can share the work: `python -m benchmarks.kilobytes.prepare usps protonn`.

Words choose the models whose names have them all; without any, all are trained. The benchmark then finds them there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from benchmarks.kilobytes import models


def prepare(words: Sequence[str]) -> None:
    """Train every chosen model with every seed, seed by seed."""
    chosen = [setting.name for setting in models.MODELS if set(words) <= set(setting.name.split())]
    for seed in models.SEEDS:
        for name in chosen:
            began = time.perf_counter()
            models.trained(name, seed, False)
            print(f"{name} seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    prepare(sys.argv[1:])
