"""Recurrent layers over a sequence and a linear layer on their last state: the learner behind five estimators."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from edgewright.errors import BadInput
from edgewright.lowering import Builder
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Inputs, Learner, normal


class Recurrent(Learner):
    """Layers of one cell, each over the states of the one before, read in one direction or both, and a linear layer on the last states.

    x: [n, steps, features], or a torch PackedSequence of them, whose rows are read to their own ends. cell: a name of `nn.cells`.
    layers: how many; hidden: the size of each state; bidirectional: whether every layer also reads from the last step to the first,
    which doubles what the next one sees. rank_w, rank_u, activations, view_bits: see `Layer`, alike for all. scores = output h +
    output_bias, h the state after the last step, or those of both directions one behind the other; output: [classes, hidden or twice that].
    Raises UnknownName for a cell that there is not, BadInput for a rank above the smaller side of a matrix.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        hidden: int,
        generator: torch.Generator | None,
        *,
        cell: str = "fastgrnn",
        layers: int = 1,
        bidirectional: bool = False,
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        view_bits: int = 16,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise BadInput(f"layers is {layers!r}; allowed: a whole number from 1 on.")
        wide = hidden * (2 if bidirectional else 1)
        self.layers, self.reversed = nn.ModuleList(), nn.ModuleList()
        for place in range(layers):
            for direction in (self.layers, self.reversed)[: 1 + bidirectional]:
                direction.append(
                    Layer(
                        cell,
                        wide if place else features,
                        hidden,
                        generator,
                        rank_w=rank_w,
                        rank_u=rank_u,
                        activations=activations,
                        view_bits=view_bits,
                    )
                )
        self.output = normal(generator, classes, wide, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))

    def _places(self) -> list[dict[str, Layer]]:
        """Return the layers in the order of use, each with its directions by their dotted names, forward first."""
        return [
            {
                f"{name}.{place}": cast("Layer", direction[place])
                for name, direction in (("layers", self.layers), ("reversed", self.reversed))
                if len(direction)
            }
            for place in range(len(self.layers))
        ]

    @property
    def matrices(self) -> tuple[str, ...]:  # type: ignore[override]  # here they depend on layers and ranks
        """The parameters held in 8 bits: layer by layer W and U or their factors, then that of the scores."""
        layers = [item for place in self._places() for item in place.items()]
        return (*(f"{name}.{matrix}" for name, layer in layers for matrix in layer.matrices), "output")

    def forward(self, x: torch.Tensor | PackedSequence, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        lengths = None
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x, batch_first=True)
        *before, last = self._places()
        for place in before:
            x = self._states(place, x, lengths, every_step=True)
        return self._states(last, x, lengths, every_step=False) @ self.weight("output").t() + self.output_bias

    def _states(
        self, place: dict[str, Layer], x: torch.Tensor, lengths: torch.Tensor | None, *, every_step: bool
    ) -> torch.Tensor:
        """Return what one layer shows of both directions."""
        states = [
            layer(x, every_step=every_step, reverse=number == 1, lengths=lengths, rounded=self.rounded)
            for number, layer in enumerate(place.values())
        ]
        return torch.cat(states, -1) if len(states) > 1 else states[0]

    @torch.no_grad()
    def leave_out(self, features: torch.Tensor) -> None:
        """Zero the weights of some features, given as a bool mask [features], in both directions."""
        for layer in self._places()[0].values():
            layer.get_parameter(layer.matrices[0]).mul_(~features)

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append a scan for each layer and direction, and the linear layer on the last states."""
        *before, last = self._places()
        standardised: Inputs | None = inputs
        for number, place in enumerate(before):
            x = self._scans(builder, place, x, standardised, "stacked", f"layer{number}")
            standardised = None
        x = self._scans(builder, last, x, standardised, "last", "last")
        return self.product(builder, "output", x, self.array("output_bias"))

    def _scans(
        self, builder: Builder, place: dict[str, Layer], x: str, inputs: Inputs | None, output: str, name: str
    ) -> str:
        """Append one layer, both directions one behind the other along the last axis."""
        names = (name, f"{name}.reversed")
        values = [
            layer.add_scan(builder, x, inputs=inputs, output=output, reverse=number == 1, name=names[number])
            for number, layer in enumerate(place.values())
        ]
        if len(values) == 1:
            return values[0]
        axis = len(builder.type(values[0]).shape) - 1
        return builder.node("concatenate", f"{name}.both", a=values[0], b=values[1], attributes={"axis": axis})


ENTRY = Recurrent
