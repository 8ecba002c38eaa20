"""Recurrent layers against torch's, with samples of several lengths, and against their equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils import rnn as sequences

from edgewright.errors import BadModelFile
from edgewright.numpy_backend.recurrent import gru, lstm, rnn

STEPS, BATCH, INPUTS, HIDDEN = 7, 3, 4, 5
# torch's gates stand in the order i f g o and r z n; ONNX's in i o f c and z r h
LAYERS = {
    "RNN": (torch.nn.RNN, rnn, [0], {}),
    "LSTM": (torch.nn.LSTM, lstm, [0, 3, 1, 2], {}),
    "GRU": (torch.nn.GRU, gru, [1, 0, 2], {"linear_before_reset": 1}),
}


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def of_torch(layer, order, ways):
    def stacked(name):
        found = (getattr(layer, name + ("_reverse" if way else "")).detach().numpy() for way in range(ways))
        return np.stack([np.concatenate([np.split(value, len(order))[gate] for gate in order]) for value in found])

    bias = np.concatenate([stacked("bias_ih_l0"), stacked("bias_hh_l0")], axis=1)
    return stacked("weight_ih_l0"), stacked("weight_hh_l0"), bias


@pytest.mark.parametrize("name", list(LAYERS))
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("layout", [0, 1])
def test_layers_are_those_of_torch(name, direction, layout):
    make, run, order, options = LAYERS[name]
    ways = 1 + (direction == "bidirectional")
    torch.manual_seed(1)
    layer = make(INPUTS, HIDDEN, bidirectional=ways == 2)
    rng = np.random.default_rng([1, ways])
    x, lengths = normal(rng, STEPS, BATCH, INPUTS), np.array([7, 5, 2], np.int32)
    start = [normal(rng, ways, BATCH, HIDDEN) for _ in range(1 + (name == "LSTM"))]
    states = [torch.from_numpy(state) for state in start]
    packed = sequences.pack_padded_sequence(torch.from_numpy(x), torch.from_numpy(lengths).long())
    expected, last = layer(packed, tuple(states) if name == "LSTM" else states[0])
    expected = sequences.pad_packed_sequence(expected)[0].detach().numpy().reshape(STEPS, BATCH, ways, HIDDEN)
    if layout:
        x, start = x.swapaxes(0, 1), [state.swapaxes(0, 1) for state in start]
    weights = of_torch(layer, order, ways)
    y, *ends = run(x, *weights, lengths, *start, direction=direction, layout=layout, hidden_size=HIDDEN, **options)
    if layout:
        y, ends = y.swapaxes(0, 1), [end.swapaxes(0, 1) for end in ends]
    else:
        y = y.swapaxes(1, 2)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    for end, value in zip(ends, last if name == "LSTM" else (last,), strict=True):
        np.testing.assert_allclose(end, value.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_reverse_is_forward_over_reversed_steps():
    rng = np.random.default_rng(2)
    x, w, r = normal(rng, STEPS, BATCH, INPUTS), normal(rng, 1, 3 * HIDDEN, INPUTS), normal(rng, 1, 3 * HIDDEN, HIDDEN)
    y, last = gru(x, w, r, direction="reverse")
    expected, end = gru(x[::-1], w, r)
    np.testing.assert_array_equal(y, expected[::-1])
    np.testing.assert_array_equal(last, end)


def test_one_step_of_an_lstm_with_peepholes_and_coupled_gates_is_its_equations():
    rng = np.random.default_rng(3)
    x, w, r = normal(rng, 1, 2, 3), normal(rng, 1, 8, 3), normal(rng, 1, 8, 2)
    bias, hidden, cell, p = normal(rng, 1, 16), normal(rng, 1, 2, 2), normal(rng, 1, 2, 2), normal(rng, 1, 6)
    _, h, c = lstm(x, w, r, bias, None, hidden, cell, p, input_forget=1, clip=0.5)

    def sigmoid(value):
        return 1 / (1 + np.exp(-np.clip(value, -0.5, 0.5)))

    i, o, _, g = np.split(x[0] @ w[0].T + hidden[0] @ r[0].T + bias[0, :8] + bias[0, 8:], 4, axis=1)
    i = sigmoid(i + p[0, :2] * cell[0])
    fresh = (1 - i) * cell[0] + i * np.tanh(np.clip(g, -0.5, 0.5))
    out = sigmoid(o + p[0, 2:4] * fresh) * np.tanh(np.clip(fresh, -0.5, 0.5))
    np.testing.assert_allclose(c[0], fresh, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(h[0], out, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "alpha", "expected"),
    [
        ("Relu", None, lambda v: np.maximum(v, 0)),
        ("LeakyRelu", None, lambda v: np.where(v < 0, 0.01 * v, v)),
        ("Elu", [0.5], lambda v: np.where(v < 0, 0.5 * np.expm1(v), v)),
        ("ThresholdedRelu", [0.3], lambda v: np.where(v >= 0.3, v, 0)),
        ("Softplus", None, lambda v: np.log1p(np.exp(v))),
        ("Softsign", None, lambda v: v / (1 + abs(v))),
        ("HardSigmoid", None, lambda v: np.clip(0.2 * v + 0.5, 0, 1)),
        ("Affine", [3.0], lambda v: 3 * v),
        ("ScaledTanh", [2.0], lambda v: 2 * np.tanh(v)),
    ],
)
def test_activations_have_their_operators_defaults(name, alpha, expected):
    x = normal(np.random.default_rng(4), 1, 6, 1)
    y, _ = rnn(
        x, np.ones((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32), activations=[name], activation_alpha=alpha
    )
    np.testing.assert_allclose(y[0, 0], expected(x[0]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"direction": "sideways"}, {"activations": ["Cube"]}, {"hidden_size": 9}, {"direction": "bidirectional"}],
)
def test_impossible_attributes_are_refused(options):
    ones = np.ones((1, 1, 1), np.float32)
    with pytest.raises(BadModelFile):
        rnn(ones, ones, ones, **options)
