"""Any cell forward and backward by hand in its compiled kernel: float32 on the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from edgewright.nn import cells
from edgewright.nn.cells import Cell
from edgewright.nn.recurrence import _library, _memory
from edgewright.nn.recurrence._buffers import Buffer
from edgewright.nn.recurrence._torch import Gradients, in_torch, named, rolled, unrolled

_LANES = 8  # as in vectors.h
_AGREEMENT = 1e-4
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_int64
_FUNCTIONS = {
    "recurrence_forward": (*[_POINTER] * 6, *[_SIZE] * 6),
    "recurrence_backward": (*[_POINTER] * 13, *[_SIZE] * 5),
}


class Compiled(torch.autograd.Function):
    """cell, its library, every_step, keep, then x [steps, n, features], W, U, and the vectors in the order of the cell."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        library: ctypes.CDLL,
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
        width = hidden + -hidden % _LANES
        W, recurrent = rolled(cell, W), _widened(cell, U, pad(U, (0, width - hidden)), width)
        kept = _memory.take(cell, x, steps, rows, width, keep or every_step)
        flat = kept.totals.view(steps * rows, kept.totals.shape[2])
        torch.mm(x.view(steps * rows, features), _widened(cell, U, W, width).t(), out=flat[:, : len(recurrent)])
        transposed = recurrent.t().contiguous()
        named_biases, named_numbers = named(cell, vectors)
        biases = pad(torch.stack(tuple(named_biases.values())), (0, width - hidden)).contiguous()
        numbers = x.new_tensor(list(named_numbers.values()))

        def run(_number: int, begin: int, end: int) -> None:
            library.recurrence_forward(
                *_addresses(kept.totals, kept.beside, kept.states, transposed, biases, numbers),
                steps,
                keep or every_step,
                rows,
                begin,
                end,
                width,
            )

        _library.each(run, _library.slices(rows, steps * rows * recurrent.numel()))
        if keep:
            ctx.save_for_backward(x, W, recurrent, numbers)
            ctx.cell, ctx.library, ctx.kept = cell, library, kept
            ctx.settings = (hidden, every_step, tuple(vector.shape for vector in vectors))
        shown = kept.states[0, 1:] if every_step else kept.states[0, -1]
        return shown[..., :hidden].clone(memory_format=torch.contiguous_format)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: torch.Tensor) -> Gradients:
        """Return the gradients; sums of slices are added in their order, whichever ended first."""
        x, W, recurrent, numbers = ctx.saved_tensors
        cell, kept = ctx.cell, ctx.kept
        hidden, every_step, shapes = ctx.settings
        steps, rows, features = x.shape
        width, slots = recurrent.shape[1], len(cell.by_hand.slots)
        written = Buffer(x, steps, rows, slots * width)
        d_totals = written.tensor
        d_padded = x.new_zeros(*d_output.shape[:-1], width)
        d_padded[..., :hidden] = d_output
        carried = x.new_zeros(rows, width) if every_step else d_padded
        d_memory = x.new_zeros(rows, width) if len(cell.states) > 1 else x.new_empty(0)
        parts = _library.slices(rows, steps * rows * recurrent.numel())
        d_recurrent = x.new_zeros(len(parts), *recurrent.shape)
        biases = len(cell.vectors) - len(numbers)
        step_sums = x.new_empty(len(parts), biases, width)
        d_biases = x.new_zeros(len(parts), biases, width, dtype=torch.float64)
        d_numbers = x.new_zeros(len(parts), len(numbers), dtype=torch.float64)

        def run(number: int, begin: int, end: int) -> None:
            ctx.library.recurrence_backward(
                carried.data_ptr(),
                d_padded.data_ptr() if every_step else None,
                *_addresses(d_memory, d_totals, kept.totals, kept.beside, kept.states, recurrent, numbers),
                *_addresses(step_sums[number], d_recurrent[number], d_biases[number], d_numbers[number]),
                steps,
                rows,
                begin,
                end,
                width,
            )

        _library.each(run, parts)
        flat = d_totals.view(steps * rows, slots, width)[:, : cell.gates, :hidden]
        d_inputs = flat.reshape(steps * rows, cell.gates * hidden) if hidden < width else flat.flatten(1)
        d_W = unrolled(cell, d_inputs.t() @ x.view(steps * rows, features))
        d_x = (d_inputs @ W).view_as(x) if ctx.needs_input_grad[4] else None
        d_U = (
            d_recurrent.sum(0).view(cell.gates, width, width)[:, :hidden, :hidden].reshape(cell.gates * hidden, hidden)
        )
        found = [*d_biases.sum(0)[:, :hidden], *d_numbers.sum(0)]
        order = sorted(range(len(shapes)), key=lambda place: not list(cell.vectors.values())[place].rows)
        d_vectors = dict(zip(order, found, strict=True))
        return (
            None,
            None,
            None,
            None,
            d_x,
            d_W,
            d_U,
            *(d_vectors[place].to(x.dtype).view(shape) for place, shape in enumerate(shapes)),
        )


compiled: Callable[..., torch.Tensor] = Compiled.apply


@cache
def kernel(name: str) -> _library.Kernel:
    """Return the kernel of a cell."""
    return _library.Kernel(name, _FUNCTIONS, partial(_agrees, cells.get(name)))


def _widened(cell: Cell, U: torch.Tensor, matrix: torch.Tensor, width: int) -> torch.Tensor:
    """Return a matrix [gates * hidden, columns] with rows of zeros behind each gate: [gates * width, columns]."""
    gates = matrix.view(cell.gates, U.shape[1], matrix.shape[1])
    return pad(gates, (0, 0, 0, width - U.shape[1])).view(cell.gates * width, matrix.shape[1])


def _addresses(*arrays: torch.Tensor) -> list[int]:
    return [array.data_ptr() for array in arrays]


def _agrees(cell: Cell, library: ctypes.CDLL) -> bool:
    """Whether the kernel gives on a small case, forward and backward, what torch's operations give."""
    generator = torch.Generator().manual_seed(0)
    hidden = 37  # tiles of both widths
    sizes = [(vector.rows * hidden,) if vector.rows else () for vector in cell.vectors.values()]
    shapes = ((3, 7, 5), (cell.gates * hidden, 5), (cell.gates * hidden, hidden), *sizes)
    values = [torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu") / 2 for shape in shapes]
    found = []
    for run in (partial(compiled, cell, library), partial(in_torch, cell, "smooth")):
        given = [value.clone().requires_grad_() for value in values]
        with torch.inference_mode(False), torch.enable_grad():
            states = run(True, True, *given)
            found.append((states.detach(), *torch.autograd.grad(states.square().sum(), given)))
    return all(bool((one - other).norm() <= _AGREEMENT * other.norm()) for one, other in zip(*found, strict=True))
