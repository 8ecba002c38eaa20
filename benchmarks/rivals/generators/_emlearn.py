"""What the entries of emlearn share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.base import clone

from benchmarks.rivals import environment
from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Sources
from edgewright.ir.types import Array

_FOREST = """
import pickle, sys
import emlearn
model = pickle.load(open("model.pickle", "rb"))
converted = emlearn.convert(model, method=sys.argv[1], dtype="int16_t", leaf_bits=int(sys.argv[2]))
open("out/forest.h", "w").write(converted.save(name="forest", format="c"))
"""
_NETWORK = """
import pickle, sys
import emlearn
model = pickle.load(open("model.pickle", "rb"))
converted = emlearn.convert(model)
open("out/network.h", "w").write(converted.save(name="network", inference=[sys.argv[1]]))
"""


def headers() -> tuple[Path, ...]:
    """Return the folder of emlearn's own headers."""
    return (environment.site_packages() / "emlearn",)


def forest(case: Case, method: str, factor: int, leaf_bits: int = 0) -> Sources:
    """Return the forest on int16 features. factor: what the features are multiplied by before the forest is fitted."""
    if factor != 1:
        estimator = clone(case.estimator).fit(case.x_train * factor, case.y_train)
        case = replace(case, estimator=estimator)

    def rows(values: Array) -> Array:
        return np.rint(values * factor).astype(np.int16)

    features = case.x_train.shape[1]
    adapter = (
        f'#include "forest.h"\nvoid rival_run(const int16_t *x, int32_t *y) {{ *y = forest_predict(x, {features}); }}\n'
    )
    files = environment.generate(_FOREST, {"model.pickle": case.pickled}, method, str(leaf_bits))
    return Sources(files, adapter, "int16", features, "int32", 1, "class", rows, folders=headers())


def network(case: Case, method: str) -> Sources:
    """Return the network, which emlearn computes in float whatever dtype it is asked for."""
    features = case.x_train.shape[1]
    adapter = (
        f'#include "network.h"\nvoid rival_run(const float *x, int32_t *y) {{ *y = network_predict(x, {features}); }}\n'
    )
    files = environment.generate(_NETWORK, {"model.pickle": case.pickled}, method)
    return Sources(
        files,
        adapter,
        "float32",
        features,
        "int32",
        1,
        "class",
        lambda values: values.astype(np.float32),
        folders=headers(),
    )
