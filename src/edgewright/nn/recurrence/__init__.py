"""Recurrences over whole sequences, forward and backward by hand: one cell a file, its compiled kernel beside it.

The compiled kernel is built at first use. Where it cannot be, or does not serve what is asked, torch's own operations do the same to
rounding; `choice` tells which it is and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from edgewright.errors import BadInput, MissingTool, UnknownName
from edgewright.nn import cells
from edgewright.nn.recurrence import _compiled, _library, _plain, _sequences, _torch

IMPLEMENTATIONS = ("compiled", "torch", "plain")

View = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Choice:
    """An implementation, and why it is not a faster one: None for the compiled kernel, the fastest."""

    name: str
    why_not: str | None


def choice(
    cell: str,
    like: torch.Tensor | None = None,
    *,
    activations: str = "smooth",
    view: View | None = None,
) -> Choice:
    """Return which implementation serves a cell on tensors of a dtype and device, float32 on the CPU unless given; may build the kernel.

    Raises UnknownName.
    """
    cells.get(cell)
    if activations not in cells.ACTIVATIONS:
        raise UnknownName("kind of activations", activations, cells.ACTIVATIONS)
    if view is not None:
        return Choice("plain", "only the plain one gives the recurrent product a view of the state")
    if activations != "smooth":
        return Choice("torch", "the compiled kernel has the smooth activations only")
    if like is not None and (like.dtype != torch.float32 or like.device.type != "cpu"):
        return Choice("torch", f"the compiled kernel takes float32 on the CPU, not {like.dtype} on {like.device.type}")
    reason = _library.load(_compiled.kernel(cell)).why_not
    return Choice("torch", reason) if reason else Choice("compiled", None)


def run(
    cell: str,
    x: torch.Tensor,
    W: torch.Tensor,
    U: torch.Tensor,
    vectors: Mapping[str, torch.Tensor],
    *,
    every_step: bool = False,
    reverse: bool = False,
    lengths: torch.Tensor | None = None,
    activations: str = "smooth",
    view: View | None = None,
    implementation: str | None = None,
) -> torch.Tensor:
    """Return the last shown state [n, hidden] of a cell, or with `every_step` all of them [n, steps, hidden].

    x: [n, steps, features]; W: [gates * hidden, features]; U: [gates * hidden, hidden]; vectors: those of `nn.cells`, by name:
    [rows * hidden] each, one number where rows is 0, those squashed between 0 and 1 already; all of one dtype on one device. States
    start at 0. reverse: from the last step of a row to its first; states come in the order of the input all the same. lengths: whole
    numbers [n], how many steps each row has; the last state is that at its own end, states and x behind it are 0 and not read.
    activations: "smooth" or "hard". view: what U h sees of h, such as a rounding with a gradient of its own. implementation: one of
    IMPLEMENTATIONS, by itself the fastest that serves; all are equal to rounding. The gradients cannot be differentiated again,
    except those of "plain". Raises BadInput, UnknownName, MissingTool where the one asked for does not serve.
    """
    definition = cells.get(cell)
    if activations not in cells.ACTIVATIONS:
        raise UnknownName("kind of activations", activations, cells.ACTIVATIONS)
    _check(cell, definition, x, W, U, vectors)
    order = _sequences.order(x, lengths, reverse)
    name = _chosen(implementation, cell, x, activations, view)
    whole = every_step or lengths is not None
    read = order.read(x).transpose(0, 1)
    given = (read, W, U, *(vectors[key] for key in definition.vectors))
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    if name == "plain":
        states = _plain.run(definition, read, W, U, vectors, whole, activations, view)
    elif name == "torch":
        states = _torch.in_torch(definition, activations, whole, keep, *given)
    else:
        library = _library.load(_compiled.kernel(cell)).library
        states = _compiled.compiled(definition, library, whole, keep, *given)
    if not whole:
        return states
    states = states.transpose(0, 1)
    return order.written(states) if every_step else order.last(states)


def _chosen(implementation: str | None, cell: str, x: torch.Tensor, activations: str, view: View | None) -> str:
    """Return the implementation asked for, or the fastest that serves. Raises BadInput, UnknownName, MissingTool."""
    if implementation not in (None, *IMPLEMENTATIONS):
        raise UnknownName("implementation of a recurrence", implementation, IMPLEMENTATIONS)
    if view is not None and implementation not in (None, "plain"):
        raise BadInput(
            f"The implementation {implementation!r} has no view of the state: leave it open or take 'plain'."
        )
    if implementation in ("torch", "plain"):
        return implementation
    chosen = choice(cell, x, activations=activations, view=view)
    if implementation and chosen.why_not:
        raise MissingTool(f"The compiled recurrence does not serve here: {chosen.why_not}.")
    return chosen.name


def _check(
    name: str, cell: cells.Cell, x: torch.Tensor, W: torch.Tensor, U: torch.Tensor, vectors: Mapping[str, torch.Tensor]
) -> None:
    """Raise BadInput where shapes, dtypes or devices do not go together: the kernel reads memory by them."""
    hidden = U.shape[-1]
    given = {"x": x, "W": W, "U": U, **vectors}
    fits = (
        x.dim() == 3
        and tuple(W.shape) == (cell.gates * hidden, x.shape[-1])
        and tuple(U.shape) == (cell.gates * hidden, hidden)
        and set(vectors) == set(cell.vectors)
        and all(
            tuple(vectors[key].shape) == (vector.rows * hidden,) if vector.rows else vectors[key].numel() == 1
            for key, vector in cell.vectors.items()
        )
        and len({(tensor.dtype, tensor.device) for tensor in given.values()}) == 1
    )
    if not fits:
        gates = f"{cell.gates} * hidden" if cell.gates > 1 else "hidden"
        shapes = {
            key: "one number" if not vector.rows else f"[{vector.rows} * hidden]" if vector.rows > 1 else "[hidden]"
            for key, vector in cell.vectors.items()
        }
        told = ", ".join(f"{key} {list(value.shape)} {value.dtype} on {value.device}" for key, value in given.items())
        raise BadInput(
            f"A {name} takes x [n, steps, features], W [{gates}, features], U [{gates}, hidden], "
            + ", ".join(f"{key} {shape}" for key, shape in shapes.items())
            + f", all of one dtype on one device; given were {told}."
        )
