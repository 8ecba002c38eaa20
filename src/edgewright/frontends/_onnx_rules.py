"""Which function lowers which of ONNX's operators."""

from __future__ import annotations

from collections.abc import Mapping

from edgewright.frontends._onnx_activations import (
    by_entry,
    cast,
    dequantise,
    elu,
    gelu,
    hard_sigmoid,
    leaky_relu,
    mish,
    prelu,
    quantise,
    same,
    scores,
    swish,
)
from edgewright.frontends._onnx_classical import CLASSICAL
from edgewright.frontends._onnx_images import convolution, global_pool, normalisation, pool, resize
from edgewright.frontends._onnx_nodes import Rule, arithmetic, clip, extreme, gemm, matmul, negative, power, total
from edgewright.frontends._onnx_recurrent import recurrent
from edgewright.frontends._onnx_shapes import (
    SHAPES,
    concatenate,
    gather,
    pad,
    reduction,
    reshape,
    split,
    stretch,
    transpose,
)

RULES: Mapping[str, Rule] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": convolution,
    **dict.fromkeys(("MaxPool", "AveragePool"), pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), global_pool),
    "BatchNormalization": normalisation,
    **dict.fromkeys(("Resize", "Upsample"), resize),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), arithmetic),
    **dict.fromkeys(("Sum", "Mean"), total),
    **dict.fromkeys(("Min", "Max"), extreme),
    "Pow": power,
    "Neg": negative,
    "Relu": by_entry("relu"),
    "Tanh": by_entry("tanh"),
    "Sigmoid": by_entry("sigmoid"),
    "Exp": by_entry("exp"),
    "Erf": by_entry("erf"),
    "Abs": by_entry("absolute"),
    "Sqrt": by_entry("square_root"),
    "Softplus": by_entry("softplus"),
    "HardSwish": by_entry("hard_swish"),
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "HardSigmoid": hard_sigmoid,
    **dict.fromkeys(("Elu", "Selu", "Celu"), elu),
    "Gelu": gelu,
    "Swish": swish,
    "Mish": mish,
    "Clip": clip,
    **dict.fromkeys(("Identity", "Dropout"), same),
    "Cast": cast,
    **dict.fromkeys(SHAPES, reshape),
    "Transpose": transpose,
    "Concat": concatenate,
    "Split": split,
    "Slice": stretch,
    "Gather": gather,
    "Pad": pad,
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax"), reduction),
    **dict.fromkeys(("Softmax", "LogSoftmax", "ArgMax"), scores),
    "QuantizeLinear": quantise,
    "DequantizeLinear": dequantise,
    **{f"ai.onnx.ml:{op}": rule for op, rule in CLASSICAL.items()},
}
# What may follow scores that were left out, and what changes nothing of which is the largest
AFTER_SCORES = (
    *("Identity", "Cast", "Softmax", "LogSoftmax", "ArgMax", "Dropout", "QuantizeLinear", "DequantizeLinear"),
    *("ai.onnx.ml:ZipMap", "ai.onnx.ml:Normalizer"),
)
