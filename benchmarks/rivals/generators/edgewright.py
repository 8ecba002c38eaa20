"""Ours, up to the class."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources
from edgewright.boards import Board
from edgewright.compiler.emit import emit
from edgewright.compiler.library import C_TYPES
from edgewright.compiler.pipeline import to_integers
from edgewright.ir.types import Array, quantise_array
from edgewright.lowering import lower


def sources(case: Case, board: Board) -> Sources:
    return _sources(case, board, "class")


def scores(case: Case, board: Board) -> Sources:
    """The same up to the scores, as for generators that leave the choice of the class to the caller."""
    return _sources(case, board, "scores")


def _sources(case: Case, board: Board, gives: str) -> Sources:
    graph = to_integers(lower(case.estimator), case.x_train)
    program = emit({"model": graph}, "model", features=board.cpu.features)
    x, y = graph.input_type, graph.output_type
    output = "int32" if gives == "class" else y.dtype
    call = "*y = model_predict(x)" if gives == "class" else "model_run(x, y)"

    def rows(values: Array) -> Array:
        return np.asarray(quantise_array(values, x)).astype(x.dtype)

    adapter = f'#include "model.h"\nvoid rival_run(const {C_TYPES[x.dtype]} *x, {C_TYPES[output]} *y) {{ {call}; }}\n'
    return Sources(
        files={name: text for name, text in program.files.items() if "selftest" not in name},
        adapter=adapter,
        input=x.dtype,
        inputs=x.size,
        output=output,
        outputs=1 if gives == "class" else y.size,
        gives="class" if gives == "class" else "scores",
        rows=rows,
    )


ENTRY = Generator(doc="ours: integer C", package=None, cases=("forest", "network"), make=sources)
