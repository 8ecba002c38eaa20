"""ONNX: float models, whose integers calibration chooses, and quantised ones (QDQ, QLinear), which keep their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from edgewright.errors import BadGraph, BadModelFile, UnsupportedModel, list_problems
from edgewright.frontends import FrontEnd, read_bytes
from edgewright.frontends._onnx_file import (
    DAMAGE,
    FOLDED,
    LARGEST_SUM,
    Model,
    check_closed,
    fold,
    input_axes,
    parse,
)
from edgewright.frontends._onnx_flow import INPUT, Flow, Grid, ModelBuilder, Operation, plain, settle, settled
from edgewright.frontends._onnx_integers import to_integers
from edgewright.frontends._onnx_qlinear import spelled_out
from edgewright.frontends._onnx_rules import AFTER_SCORES, RULES
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, Type

# Why an operator is missing and what to take instead, where there is something to say
ADVICE = {
    "ConvTranspose": "Take a Resize (nearest) and a Conv, which compute as much with less memory",
    **dict.fromkeys(
        ("MatMulInteger", "ConvInteger", "DynamicQuantizeLinear"),
        "Quantise the model statically (QDQ), so that no scale is computed at run time, or export the float model",
    ),
    **dict.fromkeys(("If", "Loop", "Scan"), "Export it without control flow"),
    "LayerNormalization": "Train it with BatchNormalization, which costs nothing behind a layer",
    "InstanceNormalization": "Train it with BatchNormalization, which costs nothing behind a layer",
    "Attention": "Take a recurrent or a convolutional model",
}
# Refused operators that keep the shape, so that what stands behind them can be checked too
SAME_SHAPE = (
    *("LayerNormalization", "InstanceNormalization", "LpNormalization", "LRN", "Reciprocal", "Sin", "Cos", "Log"),
    *("Softsign", "ThresholdedRelu", "Round", "Floor", "Ceil", "Sign"),
)
# What an image may pass on its way to an operator that needs its channels last
_PASSING = (
    *("Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear", "Pad", "Clip", "Relu", "LeakyRelu", "Tanh"),
    *("Add", "Sub", "Mul", "Div", "Neg", "Sigmoid", "HardSwish"),
)
_IMAGES = (
    *("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "Resize"),
    *("Upsample", "PRelu"),
)
_SEQUENCES = ("LSTM", "GRU", "RNN")


def to_graph(path: Path | str, input_shape: Sequence[int] | None = None) -> Graph:
    """Return the graph of an .onnx file: one input, one output, each row of the batch by itself.

    An input that the file declares as [batch, channels, height, width] and a convolution, pool or normalisation reads is
    [height, width, channels] in the graph ([length, channels] for a series), and so is an image that the graph gives: the firmware
    takes and gives pixels one after the other, each with all its channels. All other inputs keep the file's order.
    A Softmax, LogSoftmax or ArgMax at the end is left out and the graph gives the scores, labelled "0", "1", ...: the class stays.
    input_shape: sizes for the axes that the file leaves open, as many as the file's, or without the batch axis.
    Raises BadModelFile where the file is damaged and UnsupportedModel, with everything that stands in the way, where it cannot be
    compiled.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        with np.errstate(all="ignore"):
            return _Lowering(spelled_out(parse(data, path.parent)), path.stem, input_shape).graph()
    except BadModelFile as error:
        raise BadModelFile(f"{path}: {error}") from error
    except (BadGraph, UnsupportedModel) as error:
        raise UnsupportedModel(f"{path} cannot be compiled. {error}") from error


class _Unknown:
    """A value that a refused node makes."""


Value = Flow | Array | _Unknown | None


class _Lowering:
    """Builds the graph of a model, or collects everything that stands in the way."""

    def __init__(self, model: Model, name: str, input_shape: Sequence[int] | None) -> None:
        self.model, self.builder, self.input_shape = _with_scores(model), ModelBuilder(name), input_shape
        self.readers = self.model.readers
        self.values: dict[str, Value] = {"": None, **model.constants}
        self.grids: dict[str, Grid] = {}
        self.problems: list[str] = []
        self.lacks = False  # an operator that is not compiled
        self.images_last = False
        self.batch = 1
        self.entries = 0
        self.last = self._behind_nothing()

    def graph(self) -> Graph:
        self._input()
        for number, node in self.model.nodes:
            made = self._made(number, node)
            outputs = made if isinstance(made, tuple) else (made,)
            for k, name in enumerate(node.output):
                if name:
                    self.values[name] = outputs[k] if k < len(outputs) else _Unknown()
        if self.problems:
            known = f"\nCompiled are {', '.join(RULES)}." if self.lacks else ""
            raise UnsupportedModel(list_problems("These stand in the way:", self.problems) + known)
        last = self.values[self.model.outputs[0]]
        if not isinstance(last, Flow):
            raise UnsupportedModel(f"Its output {self.model.outputs[0]!r} does not depend on its input.")
        classes = math.prod(last.shape) if last.left_out else 0
        if not (self.images_last and not last.flattened and last.axes == (*range(1, len(last.shape)), 0)):
            last = plain(self.builder, last)
        output = settle(self.builder, last)
        if output == INPUT:
            raise UnsupportedModel("It computes nothing: its output is its input.")
        labels = self.builder.labels if len(self.builder.labels) == classes else tuple(map(str, range(classes)))
        graph = self.builder.finish(output, labels=labels)
        return to_integers(graph, self.builder) if self.builder.grids else graph

    def _input(self) -> None:
        inputs, outputs = self.model.inputs, self.model.outputs
        if len(inputs) != 1 or len(outputs) != 1:
            self.problems.append(
                f"It has {len(inputs)} inputs ({_listed([entry.name for entry in inputs])}) and {len(outputs)} outputs "
                f"({_listed(outputs)}); one of each is allowed. Export its parts."
            )
        for entry in inputs:
            try:
                axes, encoded = input_axes(entry, self.input_shape)
                found = self._first_readers(entry.name)
                batch_at = int(any(node.op_type in _SEQUENCES and not _layout(node) for node in found))
                check_closed(entry, axes, batch_at)
            except UnsupportedModel as error:
                self.problems.append(str(error))
                self.values[entry.name] = _Unknown()
                continue
            self.batch = axes[batch_at] or 1
            shape = tuple(size or 1 for axis, size in enumerate(axes) if axis != batch_at)
            order = None
            if len(shape) > 1 and any(node.op_type in _IMAGES for node in found):
                order, self.images_last = (*range(1, len(shape)), 0), True
            flow = Flow(INPUT, shape, order=order, batch_at=batch_at, encoded=encoded)
            name = INPUT if entry is inputs[0] else f"{INPUT}_{len(self.values)}"
            self.values[entry.name] = replace(flow, value=self.builder.input(name, Type(flow.stored)))

    def _first_readers(self, name: str) -> list[onnx.NodeProto]:
        """Return the nodes that read a value first, those left out that work entry by entry."""
        wanted, found = {name}, []
        for _, node in self.model.nodes:
            if wanted & set(node.input[:2] if node.op_type in _PASSING else node.input[:1]):
                if node.op_type in _PASSING:
                    wanted.update(node.output)
                else:
                    found.append(node)
        return found

    def _behind_nothing(self) -> set[str]:
        """Return the outputs of nodes behind which only operators stand that keep the largest score."""
        blocked: set[str] = set()
        for _, node in reversed(self.model.nodes):
            if _full_name(node) not in AFTER_SCORES or any(name in blocked for name in node.output):
                blocked.update(node.input)
        return {name for _, node in self.model.nodes for name in node.output if name not in blocked}

    def _made(self, number: int, node: onnx.NodeProto) -> Value | tuple[Flow, ...]:
        """Return what a node makes; where it is refused, the reason is added to the problems."""
        where = f"Node {number}{f' {node.name!r}' if node.name else ''} ({node.op_type})"
        own = node.domain in ("", "ai.onnx")
        inputs = [self.values[name] for name in node.input]
        try:
            if own and node.op_type == "DequantizeLinear" and isinstance(inputs[0], np.ndarray):
                return self._dequantised(node, inputs)
            if own and node.op_type in FOLDED and (folded := self._folded(node, inputs)) is not None:
                return folded
            unknown = any(isinstance(entry, _Unknown) for entry in inputs)
            if unknown and own and node.op_type in FOLDED:
                return _Unknown()
            if _full_name(node) not in RULES:
                self.lacks = True
                advice = ADVICE.get(node.op_type, "Build the model without it")
                raise UnsupportedModel(f"it is not compiled. {advice}")
            if unknown:
                return _Unknown()
            return self._lowered(node, inputs)
        except (BadGraph, UnsupportedModel) as error:
            self.problems.append(f"{where}: {str(error).rstrip('.')}.")
            return self._stand_in(node, inputs)
        except BadModelFile as error:
            raise BadModelFile(f"{where}: {error}") from error
        except DAMAGE as error:
            raise BadModelFile(f"{where} is damaged: {error}.") from error

    def _dequantised(self, node: onnx.NodeProto, inputs: Sequence[Value]) -> Array:
        """Return the real values of constant integers, which are kept beside."""
        integers, scale, zeros = (*inputs, None)[:3]
        if not isinstance(integers, np.ndarray) or not isinstance(scale, np.ndarray):
            raise UnsupportedModel("its scale is computed from the input; it must be a constant")
        attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
        if attributes.get("block_size"):
            raise UnsupportedModel("its constants have scales in blocks; one, or one along an axis is compiled")
        shift = zeros.astype(np.int64) if isinstance(zeros, np.ndarray) else np.zeros(1, np.int64)
        axis = None
        spread: tuple[int, ...] = (-1,)
        if scale.size > 1:
            axis = int(attributes.get("axis", 1)) % max(integers.ndim, 1)
            spread = tuple(-1 if k == axis else 1 for k in range(integers.ndim))
        whole = integers.astype(np.int64) - (shift.reshape(spread) if shift.size > 1 else int(shift.reshape(())))
        real = np.asarray(scale, np.float64)
        self.grids[node.output[0]] = Grid(real.ravel(), axis)
        self._count(whole.size)
        return whole * (real.reshape(spread) if scale.size > 1 else float(real.reshape(())))

    def _folded(self, node: onnx.NodeProto, inputs: Sequence[Value]) -> Array | None:
        """Return the value of a node that reads constants, or the shape of a value; None where it is no constant."""
        if node.op_type in ("Shape", "Size") and isinstance(inputs[0], Flow):
            flow = inputs[0]
            shape = (*flow.shape[: flow.batch_at], self.batch, *flow.shape[flow.batch_at :])
            inputs = [np.broadcast_to(np.float32(0.0), shape)]
        arrays = [entry for entry in inputs if entry is None or isinstance(entry, np.ndarray)]
        if len(arrays) < len(inputs):
            return None
        result = fold(node, arrays, self.model.opset)
        if node.op_type == "Transpose" and node.input[0] in self.grids:
            rank = result.ndim
            axes = next((list(entry.ints) for entry in node.attribute), list(range(rank - 1, -1, -1)))
            self.grids[node.output[0]] = self.grids[node.input[0]].moved(axes)
        self._count(result.size)
        return result

    def _count(self, entries: int) -> None:
        """Add to the entries of all values, which bound the work and the memory that a file can ask for."""
        self.entries += entries
        if self.entries > LARGEST_SUM:
            raise BadModelFile(f"its values have more than {LARGEST_SUM} entries together, more than any device holds")

    def _lowered(self, node: onnx.NodeProto, inputs: Sequence[Value]) -> Flow | tuple[Flow, ...]:
        for name in set(node.input):
            flow = self.values[name]
            if isinstance(flow, Flow) and flow.left_out and _full_name(node) not in AFTER_SCORES:
                raise UnsupportedModel(
                    f"it stands behind a {flow.left_out}, which is compiled as the last node only. Export the model without it"
                )
            if isinstance(flow, Flow) and flow.pending and self.readers[name] > 1:
                self.values[name] = settled(self.builder, flow)  # several readers share one node
        now = [self.values[name] for name in node.input]
        operation = Operation(
            op=node.op_type,
            inputs=[entry for entry in now if not isinstance(entry, _Unknown)],
            attributes={entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute},
            opset=self.model.opset,
            batch=self.batch,
            outputs=tuple(self.readers[name] > 0 for name in node.output),
            grids=[self.grids.get(name) for name in node.input],
            last=node.output[0] in self.last,
        )
        self._count(sum(entry.size for entry in now if isinstance(entry, np.ndarray)))
        made = RULES[_full_name(node)](self.builder, operation)
        for flow in made if isinstance(made, tuple) else (made,):
            self._count(math.prod(flow.shape))
        return made

    def _stand_in(self, node: onnx.NodeProto, inputs: Sequence[Value]) -> Flow | _Unknown:
        """Return what stands for the output of a refused node, so that the nodes behind it are checked too."""
        first = inputs[0] if inputs else None
        if node.op_type in SAME_SHAPE and isinstance(first, Flow):
            return replace(settled(self.builder, first), left_out="")
        return _Unknown()


def _with_scores(model: Model) -> Model:
    """Return the model without the label of a classifier, where it gives the scores beside it: the largest says the label."""
    if len(model.outputs) != 2:
        return model
    origins: dict[str, tuple[str, int]] = {}
    for _, node in model.nodes:
        for place, name in enumerate(node.output):
            if node.op_type.endswith("Classifier"):
                origins[name] = (node.output[0], place)
            elif node.input and node.input[0] in origins and _full_name(node) in AFTER_SCORES:
                origins[name] = origins[node.input[0]]
    places = {origins.get(name, ("", -1)): name for name in model.outputs}
    if {place for _, place in places} != {0, 1} or len({node for node, _ in places}) != 1:
        return model
    output = next(name for (_, place), name in places.items() if place == 1)
    wanted, kept = {output}, []
    for number, node in reversed(model.nodes):
        if wanted & set(filter(None, node.output)):
            wanted.update(node.input)
            kept.append((number, node))
    return replace(model, outputs=(output,), nodes=tuple(reversed(kept)))


def _full_name(node: onnx.NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}:{node.op_type}"


def _layout(node: onnx.NodeProto) -> int:
    return next((int(entry.i) for entry in node.attribute if entry.name == "layout"), 0)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


ENTRY = FrontEnd(
    doc="an ONNX model",
    suffix=".onnx",
    begins=lambda head: (
        head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a", b"\x42")
    ),
    read=to_graph,
    read_shaped=to_graph,
)
