"""ShaRNN: a recurrence over each brick of a row, and a second one over what the bricks came to (Dennis et al., NeurIPS 2019)."""

from __future__ import annotations

import torch
from torch import nn

from edgewright.errors import BadInput
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Inputs, Learner, normal


class ShaRNN(Learner):
    """Two recurrent layers, the first over each brick of a row from a state of zero, and a linear layer on the second's last state.

    x: [n, steps, features], cut into bricks of so many steps one behind the other; what is left at the end is dropped, and a row
    shorter than one brick raises BadInput. hidden, hidden_upper: of the first and the second layer. rank_w, rank_u: of both, no
    larger than the sides of their matrices; cell, activations, view_bits: as of `Layer`. scores = output h + output_bias;
    output: [classes, hidden_upper].
    """

    def __init__(
        self,
        features: int,
        classes: int,
        hidden: int,
        generator: torch.Generator | None,
        *,
        brick: int,
        hidden_upper: int,
        cell: str = "fastgrnn",
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        view_bits: int = 16,
    ) -> None:
        super().__init__()
        if not brick >= 1:
            raise BadInput(f"brick is {brick!r}; allowed: a whole number of steps from 1 on.")
        self.brick = brick
        self.lower, self.upper = (
            Layer(
                cell,
                wide,
                size,
                generator,
                rank_w=rank_w,
                rank_u=rank_u,
                activations=activations,
                view_bits=view_bits,
            )
            for wide, size in ((features, hidden), (hidden, hidden_upper))
        )
        self.output = normal(generator, classes, hidden_upper, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))

    @property
    def matrices(self) -> tuple[str, ...]:  # type: ignore[override]  # here they depend on the ranks
        """The parameters held in 8 bits: those of both layers, then the output's."""
        lower, upper = ([f"{name}.{stored}" for stored in getattr(self, name).matrices] for name in ("lower", "upper"))
        return (*lower, *upper, "output")

    def bricks(self, steps: int) -> int:
        """Return how many bricks a row has. Raises BadInput where it has none."""
        if steps < self.brick:
            raise BadInput(
                f"A row has {steps} steps, and a brick has {self.brick}. Give a smaller brick, or longer rows."
            )
        return steps // self.brick

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        count = self.bricks(x.shape[1])
        cut = x[:, : count * self.brick].reshape(len(x) * count, self.brick, x.shape[2])
        of_bricks: torch.Tensor = self.lower(cut, rounded=self.rounded).reshape(len(x), count, -1)
        last: torch.Tensor = self.upper(of_bricks, rounded=self.rounded)
        return last @ self.weight("output").t() + self.output_bias

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append a map of the first layer over the bricks, a scan of the second over what they came to, and the linear layer."""
        self.bricks(builder.type(x).shape[0])
        cut = builder.node("windows", "bricks", x=x, attributes={"size": self.brick, "stride": self.brick})
        body = Builder("brick")
        brick = body.input("brick", Type(builder.type(cut).shape[1:]))
        attributes = {
            "body": body.finish(self.lower.add_scan(body, brick, inputs=inputs)),
            "output": "stacked",
            "reverse": False,
        }
        of_bricks = builder.node("scan", "of_bricks", x=cut, attributes=attributes)
        last = self.upper.add_scan(builder, of_bricks)
        return self.product(builder, "output", last, self.array("output_bias"))


ENTRY = ShaRNN
