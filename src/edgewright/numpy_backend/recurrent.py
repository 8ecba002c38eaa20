"""Recurrent layers: RNN, LSTM and GRU, in one or both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._windows import Array, widened

State = tuple[Array, ...]
Function = Callable[[Array], Array]


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


# Each has alpha and beta, with the defaults of the operator of that name; those without them let them be.
ACTIVATIONS: dict[str, tuple[float, float, Callable[[Array, float, float], Array]]] = {
    "affine": (1.0, 0.0, lambda x, a, b: a * x + b),
    "elu": (1.0, 0.0, lambda x, a, _: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x)),
    "hardsigmoid": (0.2, 0.5, lambda x, a, b: np.clip(a * x + b, 0, 1)),
    "leakyrelu": (0.01, 0.0, lambda x, a, _: np.where(x < 0, a * x, x)),
    "relu": (0.0, 0.0, lambda x, *_: np.maximum(x, 0)),
    "scaledtanh": (1.0, 1.0, lambda x, a, b: a * np.tanh(b * x)),
    "sigmoid": (0.0, 0.0, lambda x, *_: _sigmoid(x)),
    "softplus": (0.0, 0.0, lambda x, *_: np.logaddexp(x, np.zeros((), x.dtype))),
    "softsign": (0.0, 0.0, lambda x, *_: x / (1 + np.abs(x))),
    "tanh": (0.0, 0.0, lambda x, *_: np.tanh(x)),
    "thresholdedrelu": (1.0, 0.0, lambda x, a, _: np.where(x >= a, x, 0)),
}
TAKES_ALPHA = ("affine", "elu", "hardsigmoid", "leakyrelu", "scaledtanh", "thresholdedrelu")
TAKES_BETA = ("affine", "hardsigmoid", "scaledtanh")


@dataclass(frozen=True)
class Weights:
    """What one direction has: W (gates x hidden, inputs), R (gates x hidden, hidden), biases of both and an LSTM's peepholes."""

    w: Array
    r: Array
    w_bias: Array
    r_bias: Array
    peepholes: Array | None


Step = Callable[[Array, State, Weights, Sequence[Function]], State]


def _functions(
    names: Sequence[str], alphas: Sequence[float] | None, betas: Sequence[float] | None, clip: float | None
) -> list[Function]:
    """Return the activations; alphas and betas go to those that take them, in order."""
    left_alphas, left_betas = list(alphas or ()), list(betas or ())
    return [_function(name.lower(), left_alphas, left_betas, clip) for name in names]


def _function(name: str, alphas: list[float], betas: list[float], clip: float | None) -> Function:
    if name not in ACTIVATIONS:
        raise BadModelFile(f"There is no activation {name!r}; it must be one of {', '.join(ACTIVATIONS)}.")
    alpha, beta, compute = ACTIVATIONS[name]
    alpha = alphas.pop(0) if alphas and name in TAKES_ALPHA else alpha
    beta = betas.pop(0) if betas and name in TAKES_BETA else beta
    if clip is None:
        return lambda x: compute(x, alpha, beta)
    return lambda x: compute(np.clip(x, -clip, clip), alpha, beta)


def _reversed(x: Array, lengths: Array) -> Array:
    """Return x (steps, batch, ...) with the first `lengths` steps of each sample in reverse order."""
    steps = np.arange(len(x))[:, np.newaxis]
    index = np.where(steps < lengths, lengths - 1 - steps, steps)
    return np.take_along_axis(x, index.reshape(*index.shape, *(1,) * (x.ndim - 2)), axis=0)


def _one_way(
    x: Array, state: State, weights: Weights, functions: Sequence[Function], step: Step, lengths: Array
) -> tuple[Array, State]:
    """Return the hidden states (steps, batch, hidden), 0 behind the end of a sample, and the last state of each sample."""
    projected = x @ weights.w.T + weights.w_bias
    hidden = np.zeros((*x.shape[:2], weights.r.shape[1]), projected.dtype)
    for number, inputs in enumerate(projected):
        runs = (number < lengths)[:, np.newaxis]
        fresh = step(inputs, state, weights, functions)
        state = tuple(np.where(runs, new, old) for new, old in zip(fresh, state, strict=True))
        hidden[number] = np.where(runs, state[0], 0)
    return hidden, state


def _layer(
    x: Array,
    w: Array,
    r: Array,
    bias: Array | None,
    lengths: Array | None,
    initial: Sequence[Array | None],
    peepholes: Array | None,
    gates: int,
    step: Step,
    functions: Sequence[Function],
    direction: str,
    layout: int,
    hidden_size: int | None,
) -> State:
    """Return the hidden states of all steps and the last states, in ONNX's layouts.

    gates: blocks of rows that the weights have, 1, 3 or 4; such layers have 1, 2 or 3 activations in each direction.
    """
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if ways is None:
        raise BadModelFile(f"The direction is {direction!r}; it must be forward, reverse or bidirectional.")
    hidden = r.shape[2]
    each = max(gates - 1, 1)
    if w.shape[:2] != (len(ways), gates * hidden) or r.shape[:2] != w.shape[:2] or (hidden_size or hidden) != hidden:
        raise BadModelFile(
            f"A {direction} layer of hidden_size {hidden_size} has weights of shapes {w.shape} and {r.shape}: "
            f"it needs {len(ways)} directions of {gates} x hidden_size rows."
        )
    if len(functions) != each * len(ways):
        raise BadModelFile(f"A {direction} layer has {len(functions)} activations; it needs {each * len(ways)}.")
    wide = widened(x.swapaxes(0, 1) if layout else x)
    steps, batch = wide.shape[:2]
    ends = np.full(batch, steps) if lengths is None else lengths.astype(np.int64)
    outputs: list[Array] = []
    last: list[State] = []
    for number, backwards in enumerate(ways):
        w_bias, r_bias = (
            np.split(widened(bias)[number], 2) if bias is not None else np.zeros((2, r.shape[1]), wide.dtype)
        )
        weights = Weights(
            widened(w)[number],
            widened(r)[number],
            w_bias,
            r_bias,
            widened(peepholes)[number] if peepholes is not None else None,
        )
        state = tuple(
            np.zeros((batch, hidden), wide.dtype)
            if start is None
            else widened(start[:, number] if layout else start[number])
            for start in initial
        )
        inputs = _reversed(wide, ends) if backwards else wide
        y, end = _one_way(inputs, state, weights, functions[number * each : (number + 1) * each], step, ends)
        outputs.append(_reversed(y, ends) if backwards else y)
        last.append(end)
    every = np.stack(outputs, axis=1)
    finals = [np.stack(values) for values in zip(*last, strict=True)]
    if layout:
        every, finals = every.transpose(2, 0, 1, 3), [value.swapaxes(0, 1) for value in finals]
    return tuple(value.astype(x.dtype, copy=False) for value in (every, *finals))


def rnn(
    x: Array,
    w: Array,
    r: Array,
    bias: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
) -> State:
    """Return a simple recurrent layer's hidden states (steps, directions, batch, hidden) and the last of them."""

    def step(inputs: Array, state: State, weights: Weights, functions: Sequence[Function]) -> State:
        return (functions[0](inputs + state[0] @ weights.r.T + weights.r_bias),)

    names = (activations or ["Tanh", "Tanh"])[: 2 if direction == "bidirectional" else 1]
    functions = _functions(names, activation_alpha, activation_beta, clip)
    return _layer(x, w, r, bias, sequence_lens, [initial_h], None, 1, step, functions, direction, layout, hidden_size)


def lstm(
    x: Array,
    w: Array,
    r: Array,
    bias: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    initial_c: Array | None = None,
    peepholes: Array | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
) -> State:
    """Return an LSTM's hidden states (steps, directions, batch, hidden), the last of them and the last cells.

    Gates stand in the order input, output, forget, cell. input_forget: the forget gate is 1 - the input gate.
    """

    def step(inputs: Array, state: State, weights: Weights, functions: Sequence[Function]) -> State:
        f, g, h = functions
        hidden, cell = state
        i, o, forget, c = np.split(inputs + hidden @ weights.r.T + weights.r_bias, 4, axis=1)
        p_i, p_o, p_f = np.split(weights.peepholes, 3) if weights.peepholes is not None else (np.zeros_like(i[0]),) * 3
        let_in = f(i + p_i * cell)
        keep = 1 - let_in if input_forget else f(forget + p_f * cell)
        fresh = keep * cell + let_in * g(c)
        return f(o + p_o * fresh) * h(fresh), fresh

    names = activations or ["Sigmoid", "Tanh", "Tanh"] * (2 if direction == "bidirectional" else 1)
    functions = _functions(names, activation_alpha, activation_beta, clip)
    initial = [initial_h, initial_c]
    return _layer(x, w, r, bias, sequence_lens, initial, peepholes, 4, step, functions, direction, layout, hidden_size)


def gru(
    x: Array,
    w: Array,
    r: Array,
    bias: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
) -> State:
    """Return a GRU's hidden states (steps, directions, batch, hidden) and the last of them.

    Gates stand in the order update, reset, hidden. linear_before_reset: the reset gate scales R h + b instead of h.
    """

    def step(inputs: Array, state: State, weights: Weights, functions: Sequence[Function]) -> State:
        f, g = functions
        (hidden,) = state
        size = hidden.shape[1]
        gates = inputs[:, : 2 * size] + hidden @ weights.r[: 2 * size].T + weights.r_bias[: 2 * size]
        update, reset = np.split(f(gates), 2, axis=1)
        r_h, b_h = weights.r[2 * size :].T, weights.r_bias[2 * size :]
        recurrent = reset * (hidden @ r_h + b_h) if linear_before_reset else (reset * hidden) @ r_h + b_h
        return ((1 - update) * g(inputs[:, 2 * size :] + recurrent) + update * hidden,)

    names = activations or ["Sigmoid", "Tanh"] * (2 if direction == "bidirectional" else 1)
    functions = _functions(names, activation_alpha, activation_beta, clip)
    return _layer(x, w, r, bias, sequence_lens, [initial_h], None, 3, step, functions, direction, layout, hidden_size)


ENTRY = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
