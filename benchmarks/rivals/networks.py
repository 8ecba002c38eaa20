"""Layers and networks for the forward passes, as ONNX with seeded weights: x to y, float32, a batch of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgewright.ir.types import Array

# name -> channels, height, width, filters, side of the kernel, stride, groups; padding keeps the size
LAYERS: dict[str, tuple[int, int, int, int, int, int, int]] = {
    "16x32x32 to 16, 3x3": (16, 32, 32, 16, 3, 1, 1),
    "64x56x56 to 64, 3x3": (64, 56, 56, 64, 3, 1, 1),
    "128x28x28 to 128, 3x3": (128, 28, 28, 128, 3, 1, 1),
    "3x224x224 to 64, 7x7, stride 2": (3, 224, 224, 64, 7, 2, 1),
    "64x56x56 to 256, 1x1": (64, 56, 56, 256, 1, 1, 1),
    "64x56x56, 3x3, depthwise": (64, 56, 56, 64, 3, 1, 64),
}
SMALL = "16x32x32 to 16, 3x3"  # the layer that is held against beaverpy
LARGE = tuple(name for name in LAYERS if name != SMALL)


class _Network:
    """Nodes and weights of a network as it grows. value: the last one; channels: its channels."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.shape = (1, channels, height, width)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.generator = np.random.default_rng(0)
        self.value, self.channels = "x", channels

    def weight(self, *shape: int) -> str:
        fan_in = int(np.prod(shape[1:])) or 1
        values = self.generator.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        self.value = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.value], **attributes))
        return self.value

    def conv(self, filters: int, kernel: tuple[int, int], stride: int = 1, group: int = 1, bias: bool = True) -> str:
        down, across = kernel[0] // 2, kernel[1] // 2
        inputs = [self.value, self.weight(filters, self.channels // group, *kernel)]
        if bias:
            inputs.append(self.weight(filters))
        self.channels = filters
        pads, strides = [down, across, down, across], [stride, stride]
        return self.node("Conv", *inputs, pads=pads, strides=strides, group=group)

    def relu(self) -> str:
        return self.node("Relu", self.value)

    def classify(self, classes: int) -> None:
        self.node("GlobalAveragePool", self.value)
        self.node("Flatten", self.value)
        self.node("Gemm", self.value, self.weight(self.channels, classes), self.weight(classes))

    def model(self) -> onnx.ModelProto:
        self.nodes[-1].output[0] = "y"
        axes = ["n", "classes"] if self.nodes[-1].op_type == "Gemm" else ["n", "channels", "height", "width"]
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, axes)],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(made)
        return made


def layer(name: str) -> onnx.ModelProto:
    """Return one of the layers, a convolution without a bias."""
    channels, height, width, filters, side, stride, group = LAYERS[name]
    network = _Network(channels, height, width)
    network.conv(filters, (side, side), stride, group, bias=False)
    return network.model()


def resnet8() -> onnx.ModelProto:
    """Return a residual network with the layers of MLPerf Tiny's for images of 32 x 32 pixels."""
    network = _Network(3, 32, 32)
    network.conv(16, (3, 3))
    network.relu()
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        before, channels = network.value, network.channels
        network.conv(filters, (3, 3), stride)
        network.relu()
        inner = network.conv(filters, (3, 3))
        if stride > 1:
            network.value, network.channels = before, channels
            before = network.conv(filters, (1, 1), stride)
        network.node("Add", inner, before)
        network.relu()
    network.classify(10)
    return network.model()


def ds_cnn() -> onnx.ModelProto:
    """Return a depthwise separable network with the layers of MLPerf Tiny's for spectrograms of 49 x 10."""
    network = _Network(1, 49, 10)
    network.conv(64, (11, 5), 2)
    network.relu()
    for _ in range(4):
        network.conv(64, (3, 3), group=64)
        network.relu()
        network.conv(64, (1, 1))
        network.relu()
    network.classify(12)
    return network.model()


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {"ResNet-8": resnet8, "DS-CNN": ds_cnn}


def get(name: str) -> onnx.ModelProto:
    """Return a layer or a network by name."""
    return NETWORKS[name]() if name in NETWORKS else layer(name)


def typical(model: onnx.ModelProto) -> Array:
    """Return a seeded input."""
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)
