"""A hash of the code that trains, so that the cache gives back nothing older."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy
import torch

import edgewright

PARTS = (
    *("compress", "nn", "training", "lowering.py", "lowering_cells.py"),
    *("estimators/_base.py", "estimators/_sequences.py", "estimators/_standardise.py", "estimators/_tiers.py"),
)
TEACHERS = "cnn.py"  # a trained teacher is named by its weights instead
RECURRENT_ONLY = {"recurrence", "low_rank", "cells", "recurrent", "_layer", "lowering_cells", "_sequences"}
OF_WINDOWS = {"_instances", "_tiers"}
TIERS = {"emi": {"fastgrnn", *OF_WINDOWS}, "msc": {"fastgrnn", *OF_WINDOWS}, "sharnn": {"fastgrnn", "_tiers"}}


@cache
def digest(learner: str, augmentation: str = "affine") -> str:
    """Return a hash of the parts of the package that train a learner with an augmentation, and of the packages that compute.

    Of an estimator's own file the parameters are what matters, so it is left out, as are the modules of other learners and cells, and
    other augmentations.
    """
    total = hashlib.sha256(f"torch {torch.__version__} numpy {numpy.__version__}".encode())
    root = Path(edgewright.__file__).parent
    cells = {path.stem for path in (root / "nn" / "cells").glob("[a-z]*.py")}
    others = {path.stem for path in (root / "nn").glob("[a-z]*.py")} | cells | RECURRENT_ONLY | OF_WINDOWS
    others |= {path.stem for path in (root / "training" / "augmentations").glob("[a-z]*.py")}
    others -= {learner, augmentation, *TIERS.get(learner, ())}
    if learner in cells or learner in TIERS:
        others -= RECURRENT_ONLY
    for part in PARTS:
        found = root / part
        for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
            inside = path.relative_to(root)
            foreign = others & {*inside.parts, path.stem}
            if path.suffix in (".py", ".c", ".h") and path.name != TEACHERS and not foreign:
                total.update(inside.as_posix().encode() + path.read_bytes())
    return total.hexdigest()
