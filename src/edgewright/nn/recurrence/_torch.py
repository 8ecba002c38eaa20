"""Any cell forward and backward by hand in torch operations: any dtype and device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from edgewright.nn.cells import Cell
from edgewright.nn.cells._by_hand import NONLINEARITIES, Here, Through
from edgewright.nn.recurrence import _memory
from edgewright.nn.recurrence._buffers import Buffer

_CHUNK = 131072  # numbers of one slot that an operation of the backward pass takes: they stay in the cache, and calls are few

Gradients = tuple[torch.Tensor | None, ...]


class InTorch(torch.autograd.Function):
    """cell, activations, every_step, keep, then x [steps, n, features], W, U, and the vectors in the order of the cell."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        activations: str,
        every_step: bool,
        keep: bool,
        x: torch.Tensor,
        W: torch.Tensor,
        U: torch.Tensor,
        *vectors: torch.Tensor,
    ) -> torch.Tensor:
        """Return the states; what the backward pass needs of every step is kept only where there will be one."""
        x = x.contiguous()
        steps, rows, features = x.shape
        hidden = U.shape[1]
        by_hand, nonlinearity = cell.by_hand, NONLINEARITIES[activations]
        kept = _memory.take(cell, x, steps, rows, hidden, keep or every_step)
        biases, numbers = named(cell, vectors)
        first = torch.cat([biases[name] for name in by_hand.slots])
        W = rolled(cell, W)
        behind = len(first) - len(U)  # the columns of W alone come first, as many as those of U alone at the end
        factor = x.new_ones(len(by_hand.slots), hidden)
        factor[list(by_hand.inner)] = nonlinearity.inner
        factor = factor.flatten()
        first = first * factor
        flat = kept.totals.view(steps * rows, len(first))
        torch.addmm(
            first[: len(W)], x.view(steps * rows, features), (W * factor[: len(W), None]).t(), out=flat[:, : len(W)]
        )
        if behind:
            flat[:, len(W) :] = first[len(W) :]
        recurrent = (U * factor[behind:, None]).t().contiguous()
        step = by_hand.forward(biases, numbers, nonlinearity, x.new_empty(rows, hidden))
        for here, for_state in zip(each(cell, kept, steps), kept.totals[..., behind:].unbind(0), strict=True):
            torch.addmm(for_state, here.before[0], recurrent, out=for_state)
            step(here)
        if keep:
            ctx.save_for_backward(x, W, U)
            ctx.kept = kept
            ctx.settings = (cell, nonlinearity, numbers, every_step, tuple(vector.shape for vector in vectors))
        shown = kept.states[0]
        return (shown[1:] if every_step else shown[-1]).clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: torch.Tensor) -> Gradients:
        """Return the gradients; what does not depend on later steps is computed for several steps at once."""
        x, W, U = ctx.saved_tensors
        cell, nonlinearity, numbers, every_step, shapes = ctx.settings
        by_hand, kept = cell.by_hand, ctx.kept
        steps, rows, features = x.shape
        hidden, slots = U.shape[1], len(by_hand.slots)
        behind = slots * hidden - len(U)
        written = Buffer(x, steps, rows, slots * hidden)
        d_totals = written.tensor
        chunk = max(1, min(steps, _CHUNK // max(1, rows * hidden)))
        factors = x.new_empty(chunk, rows, slots, hidden)
        spare = x.new_empty(by_hand.spare, chunk, rows, hidden)
        d_states = x.new_empty(chunk + 1, rows, hidden)  # of the states after the steps, and before the first
        d_states[0] = 0 if every_step else d_output
        d_memory = x.new_zeros(rows, hidden)
        found: dict[str, torch.Tensor] = {}
        for last in range(steps, 0, -chunk):
            first = max(0, last - chunk)
            count = last - first
            here = between(cell, kept, first, last)
            shared = spare[:, :count].unbind(0)
            through = by_hand.through(here, numbers, nonlinearity, factors[:count].unbind(2), shared)
            d_chunk = d_totals[first:last]
            d_states[count].copy_(d_states[0])
            d_shown = d_output[first:last] if every_step else None
            _back(through, factors[:count], d_chunk, d_shown, d_states[: count + 1], d_memory, U)
            sums = by_hand.sums(here, shared, d_states[1 : count + 1])
            if not sums.keys() >= set(by_hand.slots):
                of_slots = d_chunk.sum((0, 1)).view(slots, hidden)
                sums = dict(zip(by_hand.slots, of_slots, strict=True)) | sums
            for name, value in sums.items():
                if name not in found:
                    found[name] = torch.zeros_like(value, dtype=torch.float64)
                found[name] += value
        flat = d_totals.view(steps * rows, slots * hidden)
        d_W = unrolled(cell, flat[:, : len(W)].t() @ x.view(steps * rows, features))
        d_U = flat[:, behind:].t() @ kept.states[0, :-1].view(steps * rows, hidden)
        d_x = (flat[:, : len(W)] @ W).view_as(x) if ctx.needs_input_grad[4] else None
        d_vectors = [
            found[name].to(x.dtype).view(shape) if steps else x.new_zeros(shape)
            for name, shape in zip(cell.vectors, shapes, strict=True)
        ]
        return None, None, None, None, d_x, d_W, d_U, *d_vectors


def _back(
    through: Through,
    factors: torch.Tensor,
    d_totals: torch.Tensor,
    d_shown: torch.Tensor | None,
    d_states: torch.Tensor,
    d_memory: torch.Tensor,
    U: torch.Tensor,
) -> None:
    """Go back through some steps: write the gradients of their totals and of the states, of which the last is given.

    Where there is a memory, the last slot makes the shown state of it and the others make it.
    """
    d_slots = d_totals.view_as(factors)
    d_for_state = d_totals[..., d_totals.shape[2] - len(U) :]
    shown = None if d_shown is None else d_shown.unbind(0)
    steps = _together(d_states[1:], d_states[:-1], d_for_state, through.keep)
    if through.into_memory is None:
        products = _together(d_states[1:].unsqueeze(2), factors, d_slots)
    else:
        products = _together(through.into_memory, factors[:, :, :-1], d_slots[:, :, :-1])
        of_last = _together(factors[:, :, -1], d_slots[:, :, -1])
        d_each = d_memory[:, None]
    for step in range(len(steps) - 1, -1, -1):
        d_state, d_before, d_product, keep = steps[step]
        if shown is not None:
            d_state.add_(shown[step])
        other, factor, d_slot = products[step]
        if through.into_memory is None:
            torch.mul(other, factor, out=d_slot)
            torch.mul(d_state, keep, out=d_before)
            torch.addmm(d_before, d_product, U, out=d_before)
        else:
            d_memory.addcmul_(d_state, other)
            torch.mul(d_each, factor, out=d_slot)
            factor, d_slot = of_last[step]
            torch.mul(d_state, factor, out=d_slot)
            d_memory.mul_(keep)
            torch.mm(d_product, U, out=d_before)


def _together(*arrays: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Return the parts of each step: to ask a tensor for them one by one takes longer."""
    return list(zip(*(array.unbind(0) for array in arrays), strict=True))


in_torch: Callable[..., torch.Tensor] = InTorch.apply


def named(cell: Cell, vectors: tuple[torch.Tensor, ...]) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Return the biases and the numbers of a cell by name."""
    given = dict(zip(cell.vectors, vectors, strict=True))
    numbers = {name: float(given[name]) for name, vector in cell.vectors.items() if not vector.rows}
    return {name: value for name, value in given.items() if name not in numbers}, numbers


def rolled(cell: Cell, W: torch.Tensor) -> torch.Tensor:
    """Return W with its gates in the order of the slots."""
    behind = len(cell.by_hand.slots) - cell.gates
    return W.roll(behind * (len(W) // cell.gates), 0) if behind else W


def unrolled(cell: Cell, W: torch.Tensor) -> torch.Tensor:
    """Return W with its gates in the order of the cell."""
    behind = len(cell.by_hand.slots) - cell.gates
    return W.roll(-behind * (len(W) // cell.gates), 0) if behind else W


def between(cell: Cell, kept: _memory.Kept, first: int, last: int) -> Here:
    """Return what is kept of the steps first <= step < last."""
    totals = kept.totals[first:last]
    slots = totals.view(*totals.shape[:2], len(cell.by_hand.slots), kept.states.shape[3]).unbind(2)
    states = kept.states.unbind(0)
    return Here(
        totals,
        slots,
        tuple(array[first:last] for array in kept.beside),
        tuple(state[first:last] for state in states),
        tuple(state[first + 1 : last + 1] for state in states),
    )


def each(cell: Cell, kept: _memory.Kept, steps: int) -> list[Here]:
    """Return what is kept of every step."""
    every = between(cell, kept, 0, steps)
    slots, beside, before, after = (
        _together(*arrays) or [()] * steps for arrays in (every.slots, every.beside, every.before, every.after)
    )
    return [Here(*parts) for parts in zip(every.totals.unbind(0), slots, beside, before, after, strict=True)]
