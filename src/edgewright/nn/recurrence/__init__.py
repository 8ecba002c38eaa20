"""Recurrences over whole sequences, forward and backward by hand: one cell a file, its compiled kernel beside it.

The compiled kernel is built at first use. Where it cannot be, or does not serve what is asked, torch's own operations do the same to
rounding; `choice` tells which it is and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from edgewright.errors import BadInput, MissingTool, UnknownName
from edgewright.nn.recurrence import _fastgrnn, _library

IMPLEMENTATIONS = ("compiled", "torch", "plain")

View = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Choice:
    """An implementation, and why it is not a faster one: None for the compiled kernel, the fastest."""

    name: str
    why_not: str | None


def choice(like: torch.Tensor | None = None, *, view: View | None = None) -> Choice:
    """Return which implementation serves tensors of a dtype and device, float32 on the CPU unless given; may build the kernel."""
    if view is not None:
        return Choice("plain", "only the plain one gives the recurrent product a view of the state")
    if like is not None and (like.dtype != torch.float32 or like.device.type != "cpu"):
        return Choice("torch", f"the compiled kernel takes float32 on the CPU, not {like.dtype} on {like.device.type}")
    reason = _library.load(_fastgrnn.KERNEL).why_not
    return Choice("torch", reason) if reason else Choice("compiled", None)


def fastgrnn(
    x: torch.Tensor,
    W: torch.Tensor,
    U: torch.Tensor,
    gate_bias: torch.Tensor,
    candidate_bias: torch.Tensor,
    zeta: torch.Tensor,
    nu: torch.Tensor,
    *,
    every_step: bool = False,
    view: View | None = None,
    implementation: str | None = None,
) -> torch.Tensor:
    """Return the last state [n, hidden] of FastGRNN, or with `every_step` all of them [n, steps, hidden].

    x: [n, steps, features]; W: [hidden, features]; U: [hidden, hidden]; biases: [hidden]; zeta, nu: one number each, between 0 and 1;
    all of one dtype on one device. p = W x_t + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias);
    h' = z * h + (zeta (1 - z) + nu) * c, h starting at 0. view: what U h sees of h, such as a rounding with a gradient of its own.
    implementation: one of IMPLEMENTATIONS, by itself the fastest that serves. The gradients cannot be differentiated again, except
    those of "plain". Raises BadInput, UnknownName, MissingTool where the one asked for does not serve.
    Kusupati et al., NeurIPS 2018.
    """
    given = (x, W, U, gate_bias, candidate_bias, zeta, nu)
    _check(given)
    if implementation not in (None, *IMPLEMENTATIONS):
        raise UnknownName("implementation of a recurrence", implementation, IMPLEMENTATIONS)
    if view is not None and implementation not in (None, "plain"):
        raise BadInput(
            f"The implementation {implementation!r} has no view of the state: leave it open or take 'plain'."
        )
    name = implementation
    if name in (None, "compiled"):
        chosen = choice(x, view=view)
        if name and chosen.why_not:
            raise MissingTool(f"The compiled recurrence does not serve here: {chosen.why_not}.")
        name = chosen.name
    sequence = (x.transpose(0, 1), *given[1:])
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    if name == "plain":
        states = _fastgrnn.plain(*sequence, every_step, view)
    elif name == "torch":
        states = _fastgrnn.in_torch(*sequence, every_step, keep)
    else:
        states = _fastgrnn.compiled(_library.load(_fastgrnn.KERNEL).library, *sequence, every_step, keep)
    return states.transpose(0, 1) if every_step else states


def _check(given: tuple[torch.Tensor, ...]) -> None:
    """Raise BadInput where shapes, dtypes or devices do not go together: the kernel reads memory by them."""
    x, W, U, gate_bias, candidate_bias, zeta, nu = given
    hidden, features = len(U), x.shape[-1]
    fits = (
        x.dim() == 3
        and tuple(W.shape) == (hidden, features)
        and tuple(U.shape) == (hidden, hidden)
        and gate_bias.shape == candidate_bias.shape == (hidden,)
        and zeta.numel() == nu.numel() == 1
        and len({(tensor.dtype, tensor.device) for tensor in given}) == 1
    )
    if not fits:
        names = ("x", "W", "U", "gate_bias", "candidate_bias", "zeta", "nu")
        told = ", ".join(
            f"{name} {list(tensor.shape)} {tensor.dtype} on {tensor.device}"
            for name, tensor in zip(names, given, strict=True)
        )
        raise BadInput(
            "A FastGRNN takes x [n, steps, features], W [hidden, features], U [hidden, hidden], biases [hidden], zeta and nu of one "
            f"number, all of one dtype on one device; given were {told}."
        )
