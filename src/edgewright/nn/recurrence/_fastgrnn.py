"""The recurrence of FastGRNN three times: step by step, by hand in torch operations, by hand in a compiled kernel.

p = W x_t + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias); h' = z * h + (zeta (1 - z) + nu) * c, h starting at 0.
x: [steps, n, features]; W: [hidden, features]; U: [hidden, hidden]; biases: [hidden]; zeta, nu: one number each. The last state
[n, hidden] comes back, or with `every_step` all states [steps, n, hidden].
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from edgewright.nn.recurrence import _library
from edgewright.nn.recurrence._buffers import Buffer

_LANES = 8  # as in vectors.h
_CHUNK = 32768  # numbers that one operation of the backward pass takes: they stay in the cache, and calls are few
_AGREEMENT = 1e-4
_aten: Any = torch.ops.aten

Gradients = tuple[torch.Tensor | None, ...]


def plain(
    x: torch.Tensor,
    W: torch.Tensor,
    U: torch.Tensor,
    gate_bias: torch.Tensor,
    candidate_bias: torch.Tensor,
    zeta: torch.Tensor,
    nu: torch.Tensor,
    every_step: bool,
    view: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """One step at a time, differentiated by torch. view: what the product U h sees of h, itself differentiable."""
    state = x.new_zeros(x.shape[1], len(U))
    states = []
    for product in (x @ W.t()).unbind(0):
        total = torch.addmm(product, state if view is None else view(state), U.t())
        gate = torch.sigmoid(total + gate_bias)
        candidate = torch.tanh(total + candidate_bias)
        state = gate * state + (zeta * (1 - gate) + nu) * candidate
        states.append(state)
    if not every_step:
        return state
    return torch.stack(states) if states else x.new_empty(0, *state.shape)


class InTorch(torch.autograd.Function):
    """Forward and backward by hand, any dtype and device: x, W, U, gate_bias, candidate_bias, zeta, nu, every_step, keep."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        W: torch.Tensor,
        U: torch.Tensor,
        gate_bias: torch.Tensor,
        candidate_bias: torch.Tensor,
        zeta: torch.Tensor,
        nu: torch.Tensor,
        every_step: bool,
        keep: bool,
    ) -> torch.Tensor:
        """Return the states; z, c and h of every step are kept only where there will be a backward pass."""
        x = x.contiguous()
        steps, rows, features = x.shape
        hidden = len(U)
        buffer, gates, candidates, states = _memory(x, steps, rows, hidden, keep or every_step)
        # The gate's bias goes in with W x, so that only the difference is added in the loop. tanh(p) = 2 sigmoid(2 p) - 1: torch
        # computes a sigmoid several times faster.
        torch.addmm(gate_bias, x.view(steps * rows, features), W.t(), out=gates.view(steps * rows, hidden))
        shift = 2 * (candidate_bias - gate_bias)
        minus_one = -x.new_ones(())
        first, second = float(zeta), float(nu)
        recurrent = U.t()
        states[0].zero_()
        gap = x.new_empty(rows, hidden)
        for gate, candidate, before, after in zip(gates, candidates, states[:-1], states[1:], strict=True):
            torch.addmm(gate, before, recurrent, out=gate)
            torch.add(shift, gate, alpha=2, out=candidate).sigmoid_()
            torch.add(minus_one, candidate, alpha=2, out=candidate)
            gate.sigmoid_()
            torch.add(before, candidate, alpha=-first, out=gap)
            torch.mul(candidate, first + second, out=after).addcmul_(gate, gap)
        if keep:
            ctx.save_for_backward(x, W, U)
            ctx.buffer = buffer
            ctx.settings = (first, second, every_step, zeta.shape, nu.shape)
        return (states[1:] if every_step else states[-1]).clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: torch.Tensor) -> Gradients:
        """Return the gradients; what does not depend on later steps is computed for several steps at once."""
        x, W, U = ctx.saved_tensors
        zeta, nu, every_step, *shapes = ctx.settings
        steps, rows, _ = x.shape
        hidden = len(U)
        gates, candidates, states = _parts(ctx.buffer.tensor, steps)
        written = Buffer(x, steps, rows, hidden)
        d_product = written.tensor
        chunk = max(1, min(steps, _CHUNK // max(1, rows * hidden)))
        work = x.new_empty(4, chunk, rows, hidden)
        d_states = x.new_empty(
            chunk + 1, rows, hidden
        )  # of the states after the steps of a chunk, and before the first
        d_states[0] = 0 if every_step else d_output
        d_gate_bias, d_candidate_bias = x.new_zeros(2, hidden, dtype=torch.float64)
        d_zeta, d_nu = x.new_zeros(2, dtype=torch.float64)
        one = x.new_ones(())
        for last in range(steps, 0, -chunk):
            first = max(0, last - chunk)
            count = last - first
            z, c, h = gates[first:last], candidates[first:last], states[first:last]
            through_gate, through_candidate, through, rest = work[:, :count].unbind(0)
            torch.sub(one, z, out=rest)
            torch.add(h, c, alpha=-zeta, out=through_gate)
            _aten.sigmoid_backward.grad_input(through_gate, z, grad_input=through_gate)
            torch.mul(rest, zeta, out=through_candidate).add_(nu)
            _aten.tanh_backward.grad_input(through_candidate, c, grad_input=through_candidate)
            torch.add(through_gate, through_candidate, out=through)
            d_states[count].copy_(d_states[0])
            for step in range(count, 0, -1):
                d_state, d_before, d_total = d_states[step], d_states[step - 1], d_product[first + step - 1]
                if every_step:
                    d_state.add_(d_output[first + step - 1])
                torch.mul(d_state, through[step - 1], out=d_total)
                torch.mul(d_state, z[step - 1], out=d_before)
                torch.addmm(d_before, d_total, U, out=d_before)
            d_after = d_states[1 : count + 1]
            d_gate_bias += through_gate.mul_(d_after).sum((0, 1))
            d_candidate_bias += through_candidate.mul_(d_after).sum((0, 1))
            d_nu += torch.mul(d_after, c, out=through).sum()
            d_zeta += through.mul_(rest).sum()
        flat = d_product.view(steps * rows, hidden)
        d_recurrent = flat.t() @ states[:-1].view(steps * rows, hidden)
        d_x = (flat @ W).view_as(x) if ctx.needs_input_grad[0] else None
        return _as_given(x, W, flat, d_x, d_recurrent, d_gate_bias, d_candidate_bias, d_zeta, d_nu, *shapes)


class Compiled(torch.autograd.Function):
    """The same in the compiled kernel, float32 on the CPU: its library, then the arguments of `InTorch`."""

    @staticmethod
    def forward(
        ctx: Any,
        library: ctypes.CDLL,
        x: torch.Tensor,
        W: torch.Tensor,
        U: torch.Tensor,
        gate_bias: torch.Tensor,
        candidate_bias: torch.Tensor,
        zeta: torch.Tensor,
        nu: torch.Tensor,
        every_step: bool,
        keep: bool,
    ) -> torch.Tensor:
        """Return the states; z, c and h of every step are kept only where there will be a backward pass."""
        x = x.contiguous()
        steps, rows, features = x.shape
        hidden = len(U)
        more = -hidden % _LANES
        width = hidden + more
        buffer, gates, candidates, states = _memory(x, steps, rows, width, keep or every_step)
        torch.mm(x.view(steps * rows, features), pad(W, (0, 0, 0, more)).t(), out=gates.view(steps * rows, width))
        recurrent = pad(U, (0, more, 0, more)).contiguous()
        transposed = recurrent.t().contiguous()
        biases = pad(torch.stack((gate_bias, candidate_bias)), (0, more)).contiguous()
        first, second = float(zeta), float(nu)
        states[0].zero_()
        stride = rows * width if keep or every_step else 0

        def run(_number: int, begin: int, end: int) -> None:
            library.fastgrnn_forward(
                gates.data_ptr(),
                candidates.data_ptr(),
                states.data_ptr(),
                transposed.data_ptr(),
                biases[0].data_ptr(),
                biases[1].data_ptr(),
                first,
                second,
                steps,
                rows * width,
                stride,
                begin,
                end,
                width,
            )

        _library.each(run, _library.slices(rows, steps * rows * width * width))
        if keep:
            ctx.save_for_backward(x, W, recurrent)
            ctx.library, ctx.buffer = library, buffer
            ctx.settings = (first, second, every_step, zeta.shape, nu.shape)
        return (states[1:] if every_step else states[-1])[..., :hidden].clone(memory_format=torch.contiguous_format)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: torch.Tensor) -> Gradients:
        """Return the gradients, none for the library; sums of slices are added in their order, whichever ended first."""
        x, W, recurrent = ctx.saved_tensors
        zeta, nu, every_step, *shapes = ctx.settings
        steps, rows, _ = x.shape
        hidden, width = len(W), len(recurrent)
        gates, candidates, states = _parts(ctx.buffer.tensor, steps)
        written = Buffer(x, steps, rows, width)
        d_product = written.tensor
        d_padded = x.new_zeros(*d_output.shape[:-1], width)
        d_padded[..., :hidden] = d_output
        carried = x.new_zeros(rows, width) if every_step else d_padded
        parts = _library.slices(rows, steps * rows * width * width)
        d_recurrent = x.new_zeros(len(parts), width, width)
        step_sums = x.new_empty(len(parts), 2, width)
        d_biases = x.new_zeros(len(parts), 2, width, dtype=torch.float64)
        d_rates = x.new_zeros(len(parts), 2, dtype=torch.float64)

        def run(number: int, begin: int, end: int) -> None:
            ctx.library.fastgrnn_backward(
                carried.data_ptr(),
                d_padded.data_ptr() if every_step else None,
                d_product.data_ptr(),
                gates.data_ptr(),
                candidates.data_ptr(),
                states.data_ptr(),
                recurrent.data_ptr(),
                zeta,
                nu,
                step_sums[number].data_ptr(),
                d_recurrent[number].data_ptr(),
                d_biases[number].data_ptr(),
                d_rates[number].data_ptr(),
                steps,
                rows * width,
                begin,
                end,
                width,
            )

        _library.each(run, parts)
        flat = d_product.view(steps * rows, width)[:, :hidden]
        d_U = d_recurrent.sum(0)[:hidden, :hidden]
        d_gate_bias, d_candidate_bias = d_biases.sum(0)[:, :hidden]
        d_x = (flat @ W).view_as(x) if ctx.needs_input_grad[1] else None
        return None, *_as_given(x, W, flat, d_x, d_U, d_gate_bias, d_candidate_bias, *d_rates.sum(0), *shapes)


in_torch: Callable[..., torch.Tensor] = InTorch.apply
compiled: Callable[..., torch.Tensor] = Compiled.apply


def _memory(
    x: torch.Tensor, steps: int, rows: int, width: int, keep: bool
) -> tuple[Buffer, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a buffer and its parts: W x, to become z; c; h before the first step and after each. Of c and h one unless they are kept."""
    buffer = Buffer(x, 3 * steps + 1 if keep else steps + 2, rows, width)
    if keep:
        return buffer, *_parts(buffer.tensor, steps)
    candidate, state = buffer.tensor[steps:]
    return buffer, buffer.tensor[:steps], candidate.expand(steps, -1, -1), state.expand(steps + 1, -1, -1)


def _parts(kept: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return kept[:steps], kept[steps : 2 * steps], kept[2 * steps :]


def _as_given(
    x: torch.Tensor,
    W: torch.Tensor,
    d_product: torch.Tensor,
    d_x: torch.Tensor | None,
    d_U: torch.Tensor,
    d_gate_bias: torch.Tensor,
    d_candidate_bias: torch.Tensor,
    d_zeta: torch.Tensor,
    d_nu: torch.Tensor,
    zeta_shape: torch.Size,
    nu_shape: torch.Size,
) -> Gradients:
    """Return the gradients of x, W, U, the biases, zeta and nu in their dtype and shape, and none for the two switches."""
    d_W = d_product.t() @ x.view(-1, x.shape[2])
    d_biases = d_gate_bias.to(x.dtype), d_candidate_bias.to(x.dtype)
    return d_x, d_W, d_U, *d_biases, d_zeta.to(x.dtype).view(zeta_shape), d_nu.to(x.dtype).view(nu_shape), None, None


def _agrees(library: ctypes.CDLL) -> bool:
    """Whether the kernel gives on a small case, forward and backward, what torch's operations give."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 7, 5), (37, 5), (37, 37), (37,), (37,), (), ())  # tiles of both widths
    values = [torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu") / 2 for shape in shapes]
    found = []
    for run in (partial(compiled, library), in_torch):
        given = [value.clone().requires_grad_() for value in values]
        with torch.inference_mode(False), torch.enable_grad():
            states = run(*given, True, True)
            found.append((states.detach(), *torch.autograd.grad(states.square().sum(), given)))
    return all(bool((one - other).norm() <= _AGREEMENT * other.norm()) for one, other in zip(*found, strict=True))


_POINTER, _REAL, _SIZE = ctypes.c_void_p, ctypes.c_float, ctypes.c_int64
KERNEL = _library.Kernel(
    "fastgrnn.c",
    {
        "fastgrnn_forward": (*[_POINTER] * 6, *[_REAL] * 2, *[_SIZE] * 6),
        "fastgrnn_backward": (*[_POINTER] * 7, *[_REAL] * 2, *[_POINTER] * 4, *[_SIZE] * 5),
    },
    _agrees,
)
