"""What a cell tells the recurrences by hand: its pointwise part, forward and backward, in operations that write where they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

Tensors = tuple[torch.Tensor, ...]
Out = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None]
_aten: Any = torch.ops.aten


@dataclass(frozen=True)
class Nonlinearity:
    """sigmoid, and tanh(x) = 2 sigmoid(inner x) - 1, in place; torch computes a sigmoid several times faster than a tanh.

    through_sigmoid, through_tanh: (gradient, y, out): out = gradient times the slope where the nonlinearity is y.
    """

    inner: float
    sigmoid: Callable[[torch.Tensor], torch.Tensor]
    through_sigmoid: Out
    through_tanh: Out


def _hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    return x.add_(1).mul_(0.5).clamp_(0, 1)


def _through_sigmoid(gradient: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    _aten.sigmoid_backward.grad_input(gradient, y, grad_input=out)


def _through_tanh(gradient: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    _aten.tanh_backward.grad_input(gradient, y, grad_input=out)


def _through_hard_sigmoid(gradient: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    torch.mul(gradient, ((y > 0) & (y < 1)).to(y.dtype).mul_(0.5), out=out)


def _through_hard_tanh(gradient: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    torch.mul(gradient, y.abs() < 1, out=out)


NONLINEARITIES = {
    "smooth": Nonlinearity(2.0, torch.sigmoid_, _through_sigmoid, _through_tanh),
    "hard": Nonlinearity(1.0, _hard_sigmoid, _through_hard_sigmoid, _through_hard_tanh),
}


@dataclass(frozen=True)
class Here:
    """What is kept of one step [n, hidden], or of several [steps, n, hidden]: the slots, what is beside them, the states around.

    totals: all slots side by side. `before` and `after` may be the same memory where nothing is kept.
    """

    totals: torch.Tensor
    slots: Tensors
    beside: Tensors
    before: Tensors
    after: Tensors


@dataclass(frozen=True)
class Through:
    """How a gradient goes back through the pointwise part of several steps: [steps, n, hidden] each.

    keep: what that of a state is multiplied with on its way to the state before; of the memory where there is one, and then
    into_memory is what the gradient of the shown state adds to that of the memory.
    """

    keep: torch.Tensor
    into_memory: torch.Tensor | None = None


Forward = Callable[[Here], None]
Numbers = Mapping[str, float]
Biases = Mapping[str, torch.Tensor]


def _no_sums(here: Here, spare: Tensors, d_after: torch.Tensor) -> dict[str, torch.Tensor]:
    return {}


@dataclass(frozen=True)
class ByHand:
    """The pointwise part of a cell.

    A step has slots of `hidden` columns. W x goes into the first `gates` of them, W's last gates in front where there are more slots
    than gates; U h is added to the last `gates`. slots: the name of the bias that is added to each. inner: slots that come times
    Nonlinearity.inner. beside: how many more arrays a step keeps. spare: how many arrays `through` and `sums` share.

    forward(biases, numbers, nonlinearity, spare [n, hidden]): returns a function that turns the totals of one step into what is kept
    and the following states. through(here, numbers, nonlinearity, out, spare): writes to `out`, one for each slot, what the gradient
    of the state (of the memory: all slots but the last) is multiplied with to become that of the slot's total. sums(here, spare,
    d_after): the gradients of biases and numbers that are of no slot; d_after is that of the states after the steps.
    """

    slots: tuple[str, ...]
    forward: Callable[[Biases, Numbers, Nonlinearity, torch.Tensor], Forward]
    through: Callable[[Here, Numbers, Nonlinearity, Tensors, Tensors], Through]
    inner: tuple[int, ...] = ()
    beside: int = 0
    spare: int = 0
    sums: Callable[[Here, Tensors, torch.Tensor], dict[str, torch.Tensor]] = field(default=_no_sums)
