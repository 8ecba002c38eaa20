"""The sizes of learners that are made of recurrent layers by name, and the parameters that these share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgewright.errors import BadInput
from edgewright.estimators._size import (
    AFFINE_BYTES,
    BIAS_BYTES,
    WIDE_BIAS_BYTES,
    matrix_bytes_at_most,
)
from edgewright.nn import cells
from edgewright.nn._layer import check_choices, stored_shapes
from edgewright.training import Phase

HIDDEN_STEP, LARGEST_HIDDEN = 4, 128
VIEW_BITS = {"int16": 16, "int8": 8}

Shapes = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Cells:
    """What all recurrent layers of a learner have in common; see `Layer`. Raises BadInput, UnknownName."""

    cell: str
    rank_w: int | None
    rank_u: int | None
    activations: str
    state_view: str

    def __post_init__(self) -> None:
        cells.get(self.cell)
        if self.state_view not in VIEW_BITS:
            raise BadInput(f"state_view is {self.state_view!r}; allowed: {' and '.join(VIEW_BITS)}.")
        check_choices(self.activations, VIEW_BITS[self.state_view])

    def settings(self) -> dict[str, Any]:
        """Return the arguments of a module that say so."""
        given = {"rank_w": self.rank_w, "rank_u": self.rank_u}
        ranks = {name: int(rank) for name, rank in given.items() if rank is not None}
        return {"cell": self.cell, "activations": self.activations, "view_bits": VIEW_BITS[self.state_view], **ranks}

    def fits(self, hidden: int) -> bool:
        """Whether both ranks are within the matrices of a layer of such a state."""
        return (self.rank_w or 0) <= cells.get(self.cell).gates * hidden and (self.rank_u or 0) <= hidden

    def shapes(self, name: str, features: int, hidden: int) -> Shapes:
        """Return the shapes of the matrices of a layer by their dotted names. Raises BadInput for ranks above them."""
        rows = cells.get(self.cell).gates * hidden
        stored = stored_shapes("W", rows, features, self.rank_w) | stored_shapes("U", rows, hidden, self.rank_u)
        return {f"{name}.{matrix}": shape for matrix, shape in stored.items()}

    def vector_bytes(self, hidden: int) -> int:
        """Return the most bytes that a layer keeps beside its matrices."""
        stored = cells.get(self.cell).stored(self.activations)
        return (WIDE_BIAS_BYTES * stored.wide + BIAS_BYTES * stored.narrow) * hidden + AFFINE_BYTES * stored.lines


def sizes(hidden: int | None, largest: int = LARGEST_HIDDEN) -> Iterator[int]:
    """Yield the sizes of a state to try, ascending: the one given, or multiples of 4."""
    yield from range(HIDDEN_STEP, largest + 1, HIDDEN_STEP) if hidden is None else (hidden,)


def bytes_at_most(shapes: Shapes, density: float, outputs: Shapes) -> int:
    """Return the most bytes of matrices of which a share of the entries stays, and of those of the outputs, which stay whole."""
    thinned = sum(matrix_bytes_at_most(*shape, density) for shape in shapes.values())
    return thinned + sum(matrix_bytes_at_most(*shape) for shape in outputs.values())


def class_index(estimator: Any, name: str, label: Any) -> int:
    """Return the place of a class in the fitted classes; `name` is the parameter that gives it. Raises BadInput."""
    classes = estimator.classes_.tolist()
    if label not in classes:
        known = ", ".join(map(str, classes))
        raise BadInput(f"{name} is {label!r}, which is no class of y; the classes are {known}.")
    return int(classes.index(label))


def window_of(steps: int, window: int | None, stride: int | None) -> tuple[int, int]:
    """Return window and stride, in steps; None for a third of the sequence, and a third of the window."""
    window = max(1, steps // 3) if window is None else window
    return window, max(1, window // 3) if stride is None else stride


def rounds_of(rounds: int, **more: Any) -> tuple[Phase, ...]:
    """Return so many phases that make labels anew, together as long as one. Raises BadInput."""
    if not rounds >= 0:
        raise BadInput(f"rounds is {rounds!r}; allowed: a whole number from 0 on.")
    return tuple(Phase(f"round {number + 1}", share=1 / rounds, relabel=True, **more) for number in range(rounds))
