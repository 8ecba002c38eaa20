"""micromlgen: nested ifs in float, C++."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals import environment
from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources
from edgewright.boards import Board

_SCRIPT = """
import pickle
import micromlgen
model = pickle.load(open("model.pickle", "rb"))
open("out/forest.hpp", "w").write(micromlgen.port(model))
"""
# It includes <cstdarg>, which toolchains for boards come without, and leaves out <stdint.h>, which it needs.
_CSTDARG = "#include <stdarg.h>\n"
_ADAPTER = """#include <stdint.h>
#include "forest.hpp"
static Eloquent::ML::Port::RandomForest forest;
extern "C" void rival_run(const float *x, int32_t *y) { *y = forest.predict((float *)x); }
"""


def sources(case: Case, board: Board) -> Sources:
    files = environment.generate(_SCRIPT, {"model.pickle": case.pickled})
    files["cstdarg"] = _CSTDARG
    return Sources(
        files,
        _ADAPTER,
        "float32",
        case.x_train.shape[1],
        "int32",
        1,
        "class",
        lambda values: values.astype(np.float32),
        language="cpp",
    )


ENTRY = Generator(
    doc="micromlgen: nested ifs in float, C++, with two headers supplied",
    package="micromlgen",
    cases=("forest", "network"),
    make=sources,
)
