"""A quantised ONNX model as an integer graph: the file's own integers, scales and zero points (Jacob et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgewright import ops
from edgewright.errors import BadGraph, UnsupportedModel, list_problems
from edgewright.frontends._onnx_flow import ModelBuilder
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, Type, quantise_array
from edgewright.ops import Request
from edgewright.ops.quantisation import activation_type
from edgewright.runtime.ranges import accumulator_bounds

PRODUCTS = {"dense": 0, "conv2d": 0, "depthwise_conv2d": 2}  # the axis of w that has a scale each
CUTS = ("relu", "clip")
# Operators that keep the integers of x
MOVES = ("reshape", "transpose", "slice", "pad", "max_pool2d", "reduce_max", "resize_nearest", "resize_bilinear")
PASSED = (*CUTS, *MOVES, "concatenate")  # a value between an operator and its QuantizeLinear may go through these


def to_integers(graph: Graph, builder: ModelBuilder) -> Graph:
    """Return the integer graph of a float one whose values have the scales and zero points of a file's QuantizeLinear nodes.

    Raises UnsupportedModel with every value that has none where it needs one, and where weights are not 8-bit integers.
    """
    return _Integers(graph, builder).graph()


class _Integers:
    def __init__(self, graph: Graph, builder: ModelBuilder) -> None:
        self.float, self.builder = graph, builder
        self.types: dict[str, Type] = {}
        self.constants: dict[str, Array] = {}
        self.nodes: list[Node] = []
        self.now: dict[str, str] = {}  # values that another stands for
        self.problems: list[str] = []

    def graph(self) -> Graph:
        graph = self.float
        for name in graph.inputs:
            if name not in self.builder.grids:
                raise UnsupportedModel(
                    "It is quantised in parts: a QuantizeLinear must stand behind its input. Quantise the whole model"
                )
            self.types[name] = self._grid(name, name)
        for node in graph.nodes:
            if node.output in self.now:
                continue
            try:
                if all(value in self.types for value in self._values(node).values()):
                    self._add(node)
            except BadGraph as error:
                self.problems.append(f"{node.op}: {str(error).rstrip('.')}.")
            # What stands behind a refused node is checked too
            self.types.setdefault(
                node.output, self._wanted(node.output, node.output) or Type(graph.types[node.output].shape, "int8", 1.0)
            )
        if self.problems:
            raise UnsupportedModel(list_problems("It is quantised in parts. These stand in the way:", self.problems))
        outputs = tuple(self.now.get(name, name) for name in graph.outputs)
        made = Graph(graph.inputs, outputs, tuple(self.nodes), self.types, self.constants, {}, graph.labels, graph.name)
        made = ops.verify(made)
        accumulator_bounds(made)
        return made

    def _values(self, node: Node) -> dict[str, str]:
        """Return what a node reads that is no parameter; constants among them become integers."""
        found = {}
        for port, value in node.inputs.items():
            if port in ops.get(node.op).parameters:
                continue
            found[port] = self.now.get(value, value)
            if value in self.float.constants and value not in self.types:
                array = self.float.constants[value]
                type = activation_type(array.shape, float(array.min()), float(array.max()), "int16")
                self.types[value] = type
                self.constants[value] = np.asarray(quantise_array(array, type), type.dtype)
        return found

    def _grid(self, value: str, like: str) -> Type:
        scale, zero_point, dtype = self.builder.grids[value]
        return Type(self.float.types[like].shape, dtype, scale, zero_point)

    def _wanted(self, value: str, like: str) -> Type | None:
        """Return the type that the file gives a value, or the one it has behind operators that keep its meaning."""
        if value in self.builder.grids:
            return self._grid(value, like)
        readers = self.float.readers(value)
        if value in self.float.outputs or len(readers) != 1 or readers[0].op not in PASSED:
            return None
        return self._wanted(readers[0].output, like)

    def _add(self, node: Node) -> None:
        wanted = self._wanted(node.output, node.output)
        if node.op == "scan":
            self.problems.append("a recurrent layer: only those of float models are compiled. Export the float model.")
        elif node.op in MOVES:
            self._moved(node, wanted)
        elif wanted is None:
            self.problems.append(
                f"the result {node.output!r} of {node.op} has no scale. A QuantizeLinear must stand behind it."
            )
        elif node.op in PRODUCTS:
            self._product(node, wanted)
        else:
            self._quantised(node, wanted)

    def _quantised(self, node: Node, wanted: Type) -> None:
        op = ops.get(node.op)
        if op.quantise is None:
            raise BadGraph("it cannot be quantised")
        inputs = self._values(node)
        request = Request(
            types={port: self.types[value] for port, value in inputs.items()},
            parameters={port: self.float.constants[node.inputs[port]] for port in op.parameters},
            attributes=node.attributes,
            output=wanted,
        )
        result = op.quantise(request)
        for port, (array, type) in result.parameters.items():
            inputs[port] = f"{node.output}.{port}"
            self.constants[inputs[port]], self.types[inputs[port]] = array, type
        attributes = {**node.attributes, **result.attributes}
        made = result.output
        if (made.dtype, float(made.scales), made.zero_point) == (wanted.dtype, float(wanted.scales), wanted.zero_point):
            self.types[node.output] = made
            self.nodes.append(Node(result.op or node.op, inputs, node.output, attributes))
            return
        self.types[f"{node.output}.own"] = made
        self.nodes.append(Node(result.op or node.op, inputs, f"{node.output}.own", attributes))
        self._rescaled(f"{node.output}.own", node.output, wanted)

    def _rescaled(self, value: str, output: str, wanted: Type) -> None:
        self.types[output] = wanted
        self.nodes.append(Node("rescale", {"x": value}, output, {}))

    def _moved(self, node: Node, wanted: Type | None) -> None:
        """Add an operator that keeps the integers of x, with a rescale where the file gives its result other ones."""
        inputs = self._values(node)
        x = self.types[inputs["x"]]
        self._quantised(node, wanted or replace(x, shape=self.float.types[node.output].shape, limits=None))

    def _product(self, node: Node, wanted: Type) -> None:
        """Add a product with the file's integers; the zero point of x goes into the bias, a cut behind it into the range."""
        x = self.types[self._values(node)["x"]]
        weights, scales, name = self._weights(node)
        axis = PRODUCTS[node.op]
        rows = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)
        steps = scales * float(x.scales)
        exact = np.floor(self.builder.exact[node.inputs["bias"]] / steps + 0.5)
        if np.abs(exact).max(initial=0.0) > 2.0**53:
            raise BadGraph(f"the bias of {node.output!r} does not fit 32 bits")
        folded = exact.astype(np.int64) - x.zero_point * rows.sum(axis=1)
        dtype = next((dtype for dtype in ("int16", "int32") if _fits(folded, dtype)), None)
        if dtype is None:
            raise BadGraph(f"the bias of {node.output!r}, with the zero point of its input, does not fit 32 bits")
        bias = f"{node.output}.bias"
        self.types[name] = Type(weights.shape, "int8", _scales(scales), axis=axis)
        self.constants[name] = weights.astype(np.int8)
        self.types[bias] = Type(folded.shape, dtype, _scales(steps), axis=0)
        self.constants[bias] = folded.astype(dtype)
        output, limits = self._with_cuts(node.output, wanted)
        inputs = {"x": self.now.get(node.inputs["x"], node.inputs["x"]), "w": name, "bias": bias}
        self.types[output] = replace(wanted, limits=limits)
        self.nodes.append(Node(node.op, inputs, output, node.attributes))

    def _weights(self, node: Node) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], str]:
        """Return the integers of a product's weights and a scale a row. Raises BadGraph where they are none, or not of 8 bits."""
        name = node.inputs["w"]
        if name not in self.builder.scales:
            raise BadGraph(
                f"the weights of {node.output!r} are float, or changed by a scaling behind them; a DequantizeLinear of 8-bit integers "
                "must stand before them. Fold normalisations before quantising"
            )
        axis, scales = PRODUCTS[node.op], self.builder.scales[name]
        real = self.builder.exact[name]
        spread = [1] * real.ndim
        spread[axis] = -1
        integers = np.rint(real / scales.reshape(spread)).astype(np.int64)
        if not _fits(integers, "int8"):
            raise BadGraph(
                f"the weights of {node.output!r} less their zero point do not fit 8 bits. Quantise weights symmetrically (zero point 0)"
            )
        return integers, np.asarray(scales, np.float64), name

    def _with_cuts(self, value: str, wanted: Type) -> tuple[str, tuple[int, int] | None]:
        """Return the last of a row of cuts behind a product, and the range that they leave; they need no node."""
        low, high = wanted.range
        while value not in self.builder.grids and value not in self.float.outputs:
            (reader,) = self.float.readers(value)
            if reader.op not in CUTS:
                break
            bounds: Mapping[str, float] = {"low": 0.0} if reader.op == "relu" else reader.attributes
            plain = replace(wanted, shape=(), limits=None)
            low = max(low, int(quantise_array(float(bounds["low"]), plain)))
            high = min(high, int(quantise_array(float(bounds.get("high", np.inf)), plain)))
            value = reader.output
            self.now[value] = value
        return value, (low, high) if low < high else None


def _fits(values: npt.NDArray[np.int64], dtype: str) -> bool:
    low, high = INTEGER_RANGES[dtype]
    return bool(low <= values.min() and values.max() <= high)


def _scales(scales: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(scale) for scale in scales)
