"""One recurrent cell over a sequence: the brick of every learner that reads sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from edgewright.compress import int8, low_rank
from edgewright.compress.low_rank import LowRank
from edgewright.errors import BadInput
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.lowering_cells import FUNCTIONS, Given, Product
from edgewright.nn import cells, recurrence
from edgewright.nn._learner import Floats, Inputs, array, normal
from edgewright.nn.cells import Cell

VIEWS = (16, 8)

Head = Callable[[Builder, str], tuple[str, str]]


class Layer(nn.Module):
    """A cell of the catalogue `nn.cells` with its matrices, biases and numbers.

    W: [gates * hidden, features]; U: [gates * hidden, hidden]; a rank makes them W1 W2 and U1 U2, and the factors are what is learned,
    rounded and stored. The vectors of the cell are parameters of their own names. activations: "smooth", or "hard" for the cell's
    straight lines. view_bits: 16, or 8 where the product U h is to read the state rounded to 8 bits on the device; the state keeps
    16, so that small changes are not lost, and training does not see it. generator: None only on the device "meta". Raises
    UnknownName for a cell that there is not, BadInput for a rank above the smaller side of its matrix.

    In a Learner: `matrices` gives the names of the parameters that are held in 8 bits, relative to the layer, in the order of use, the
    first of W first; `forward` takes `rounded` from the learner; `add_scan` appends the layer to a float graph.
    """

    def __init__(
        self,
        cell: str,
        features: int,
        hidden: int,
        generator: torch.Generator | None,
        *,
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        view_bits: int = 16,
    ) -> None:
        super().__init__()
        check_choices(activations, view_bits)
        self.cell_name, self.hidden = cell, hidden
        self.activations, self.view_bits = activations, view_bits
        rows = self.cell.gates * hidden
        self.factors = {
            "W": self._start("W", normal(generator, rows, features, deviation=0.2), rank_w),
            "U": self._start("U", normal(generator, rows, hidden, deviation=0.1), rank_u),
        }
        for name, vector in self.cell.vectors.items():
            shape = (vector.rows * hidden,) if vector.rows else ()
            self.register_parameter(name, nn.Parameter(torch.full(shape, float(vector.start))))

    @property
    def cell(self) -> Cell:
        """The entry of the catalogue."""
        return cells.get(self.cell_name)

    @property
    def matrices(self) -> tuple[str, ...]:
        """The parameters held in 8 bits: first those that make up W, the first of which reads the features."""
        return (*self.factors["W"], *self.factors["U"])

    def _start(self, name: str, weight: nn.Parameter, rank: int | None) -> tuple[str, ...]:
        """Register W or U as drawn, or the factors that come nearest to it, and return the names in the order of use."""
        rows, columns = weight.shape
        names = tuple(stored_shapes(name, rows, columns, rank))
        values = (weight.detach(),) if rank is None else low_rank.factors(weight, LowRank(rank))[::-1]
        for stored, value in zip(names, values, strict=True):
            self.register_parameter(stored, nn.Parameter(value))
        return names

    def _whole(self, name: str, rounded: bool) -> torch.Tensor:
        """Return W or U as the forward pass sees it: one matrix, as the recurrence takes it."""
        parts = [self.get_parameter(stored) for stored in self.factors[name]]
        first, *rest = (int8.straight_through(value, int8.Int8()) if rounded else value for value in parts)
        return rest[0] @ first if rest else first

    def forward(
        self,
        x: torch.Tensor,
        *,
        every_step: bool = False,
        reverse: bool = False,
        lengths: torch.Tensor | None = None,
        rounded: bool = False,
    ) -> torch.Tensor:
        """Return the last shown state [n, hidden] of sequences x [n, steps, features], or with `every_step` all [n, steps, hidden].

        reverse: read from the last step to the first; all states are still in the order of x. lengths: int64 [n], of rows that end
        before the last step. rounded: whether the matrices are seen in 8 bits.
        """
        vectors = {
            name: torch.sigmoid(self.get_parameter(name)) if vector.squashed else self.get_parameter(name)
            for name, vector in self.cell.vectors.items()
        }
        return recurrence.run(
            self.cell_name,
            x,
            self._whole("W", rounded),
            self._whole("U", rounded),
            vectors,
            every_step=every_step,
            reverse=reverse,
            lengths=lengths,
            activations=self.activations,
        )

    def add_scan(
        self,
        builder: Builder,
        x: str,
        *,
        inputs: Inputs | None = None,
        output: str = "last",
        reverse: bool = False,
        name: str | None = None,
        head: Head | None = None,
    ) -> str:
        """Append a scan of the cell over the steps of x, a value [steps, features], and return its value.

        [hidden] for the output "last", [steps, hidden] for "stacked". inputs: where x is raw, how it is standardised before the
        cell. name: of the value; that of the output unless given. head(body, state): appends to each step what the scan gives instead
        of the shown state, and a bool value of shape (1,), and returns both; the scan ends after the step in which it is 1.
        """
        steps, features = builder.type(x).shape
        body = Builder("cell")
        step = body.input("step", Type((features,)))
        states = tuple(body.state(state, Type((self.hidden,))) for state in self.cell.states)
        seen = states[0]
        if self.view_bits == 8:
            seen = body.node("rescale", "view", x=seen, attributes={"dtype": "int8"})
        following = self.cell.lower(
            Given(
                body,
                from_input=self._product(body, "W", step, inputs),
                from_state=self._product(body, "U", seen, None),
                states=states,
                functions=FUNCTIONS[self.activations],
                vectors=self._vectors(),
                steps=steps,
            )
        )
        for state, successor in zip(states, following, strict=True):
            body.carry(state, successor)
        shown, until = head(body, following[0]) if head else (following[0], None)
        attributes = {"body": body.finish(shown), "output": output, "reverse": reverse}
        if until:
            attributes["until"] = until
        return builder.node("scan", name or output, x=x, attributes=attributes)

    def _vectors(self) -> dict[str, Floats]:
        """Return the vectors as the cell computes with them."""
        values = {name: array(self, name) for name in self.cell.vectors}
        return {
            name: 1 / (1 + np.exp(-value)) if self.cell.vectors[name].squashed else value
            for name, value in values.items()
        }

    def _product(self, body: Builder, name: str, x: str, inputs: Inputs | None) -> Product:
        """Return W or U times x; all factors but the last are appended, and standardising where it does not fold."""
        first, *rest = self.factors[name]
        weight = array(self, first)
        offset = np.zeros(len(weight))
        if inputs is not None and inputs.folds:
            weight = weight / inputs.scale
            offset = -weight @ inputs.mean
        elif inputs is not None:
            x = inputs.standardised(body, x)
        product = Product(body, first, x, weight, offset)
        for stored in rest:
            value, weight = product.plain(), array(self, stored)
            product = Product(body, stored, value, weight, weight @ product.offset)
        return product


def check_choices(activations: object, view_bits: object) -> None:
    """Raise BadInput for activations or bits of the view that there are not."""
    if activations not in cells.ACTIVATIONS:
        raise BadInput(f"activations is {activations!r}; allowed: {' and '.join(cells.ACTIVATIONS)}.")
    if view_bits not in VIEWS:
        raise BadInput(f"view_bits is {view_bits!r}; allowed: 16 and 8.")


def stored_shapes(name: str, rows: int, columns: int, rank: int | None) -> dict[str, tuple[int, int]]:
    """Return the names and shapes of what a matrix, "W" or "U", is stored as: itself, or its factors in the order of use.

    Raises BadInput for a rank above the smaller side.
    """
    if rank is None:
        return {name: (rows, columns)}
    low_rank.check(f"rank_{name.lower()}", rank, rows, columns)
    return {f"{name}2": (rank, columns), f"{name}1": (rows, rank)}
