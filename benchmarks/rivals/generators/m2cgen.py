"""m2cgen: nested ifs in double."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals import environment
from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources
from edgewright.boards import Board

_SCRIPT = """
import pickle
import m2cgen
model = pickle.load(open("model.pickle", "rb"))
open("out/score.c", "w").write(m2cgen.export_to_c(model))
"""


def sources(case: Case, board: Board) -> Sources:
    files = environment.generate(_SCRIPT, {"model.pickle": case.pickled})
    # avr-gcc's double has 32 bits; this is the function's own type there.
    real = "float32" if board.core == "avr" else "float64"
    adapter = (
        "void score(double *input, double *output);\n"
        "void rival_run(const double *x, double *y) { score((double *)x, y); }\n"
    )
    classes = len(case.estimator.classes_)
    return Sources(
        files,
        adapter,
        real,
        case.x_train.shape[1],
        real,
        classes,
        "scores",
        lambda values: values.astype(np.dtype(real)),
    )


ENTRY = Generator(doc="m2cgen: nested ifs in double", package="m2cgen", cases=("forest", "network"), make=sources)
