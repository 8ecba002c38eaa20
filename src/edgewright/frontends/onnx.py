"""ONNX: float models of dense layers, from any tool that exports them; calibration rows choose their integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from edgewright.errors import BadGraph, BadModelFile, UnsupportedModel, list_problems
from edgewright.frontends import FrontEnd, read_bytes
from edgewright.frontends._onnx_file import DAMAGE, FOLDED, LARGEST_SUM, Model, fold, input_shape, parse
from edgewright.frontends._onnx_flow import INPUT, Flow, Operation, settle, settled
from edgewright.frontends._onnx_nodes import AFTER_SCORES, RULES
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, Type
from edgewright.lowering import Builder

# Why an operator is missing and what to take instead, where there is something to say
ADVICE = {
    **dict.fromkeys(("Conv", "ConvTranspose", "MaxPool", "AveragePool"), "Build the model from dense layers"),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "Train a FastGRNN instead (edgewright build)"),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), "Export the float model; Edgewright chooses the integers"),
    **dict.fromkeys(
        ("Gelu", "Elu", "Selu", "Erf", "Softplus", "HardSwish", "PRelu"), "Train it with Relu, Tanh or Sigmoid"
    ),
    "LayerNormalization": "Train it with BatchNormalization, which costs nothing behind a dense layer",
}
# Refused operators that keep the shape, so that what stands behind them can be checked too
SAME_SHAPE = (
    *(
        "Gelu",
        "Elu",
        "Selu",
        "Erf",
        "Softplus",
        "HardSwish",
        "PRelu",
        "LayerNormalization",
        "Sin",
        "Cos",
        "Abs",
        "Sqrt",
        "Log",
    ),
    *("Mish", "Swish", "Softsign", "Celu", "ThresholdedRelu"),
)


def to_graph(path: Path | str) -> Graph:
    """Return the float graph of an .onnx file: one input, one output, each row of the batch by itself.

    A Softmax, LogSoftmax or ArgMax at the end is left out and the graph gives the scores, labelled "0", "1", ...: the class stays.
    Raises BadModelFile where the file is damaged and UnsupportedModel, with everything that stands in the way, where it cannot be
    compiled.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        with np.errstate(all="ignore"):
            return _Lowering(parse(data), path.stem).graph()
    except BadModelFile as error:
        raise BadModelFile(f"{path}: {error}") from error
    except (BadGraph, UnsupportedModel) as error:
        raise UnsupportedModel(f"{path} cannot be compiled. {error}") from error


class _Unknown:
    """A value that a refused node makes."""


class _Lowering:
    """Builds the graph of a model, or collects everything that stands in the way."""

    def __init__(self, model: Model, name: str) -> None:
        self.model, self.builder = model, Builder(name)
        self.values: dict[str, Flow | Array | _Unknown | None] = {"": None, **model.constants}
        self.problems: list[str] = []
        self.lacks = False  # an operator that is not compiled
        self.batch = 1
        self.entries = 0

    def graph(self) -> Graph:
        self._input()
        for number, node in self.model.nodes:
            made = self._made(number, node)
            self.values.update({name: made if k == 0 else _Unknown() for k, name in enumerate(node.output) if name})
        if self.problems:
            known = f"Compiled are {', '.join(RULES)}. " if self.lacks else ""
            raise UnsupportedModel(list_problems(f"{known}These stand in the way:", self.problems))
        last = self.values[self.model.outputs[0]]
        if not isinstance(last, Flow):
            raise UnsupportedModel(f"Its output {self.model.outputs[0]!r} does not depend on its input.")
        output = settle(self.builder, last)
        if output == INPUT:
            raise UnsupportedModel("It computes nothing: its output is its input.")
        classes = last.shape[0] if last.left_out else 0
        return self.builder.finish(output, labels=tuple(map(str, range(classes))))

    def _input(self) -> None:
        inputs, outputs = self.model.inputs, self.model.outputs
        if len(inputs) != 1 or len(outputs) != 1:
            self.problems.append(
                f"It has {len(inputs)} inputs ({_listed([entry.name for entry in inputs])}) and {len(outputs)} outputs "
                f"({_listed(outputs)}); one of each is allowed. Export its parts."
            )
        for entry in inputs:
            try:
                batch, shape = input_shape(entry)
            except UnsupportedModel as error:
                self.problems.append(str(error))
                self.values[entry.name] = _Unknown()
                continue
            self.batch = batch or 1
            name = self.builder.input(INPUT if entry is inputs[0] else f"{INPUT}_{len(self.values)}", Type(shape))
            self.values[entry.name] = Flow(name, shape)

    def _made(self, number: int, node: onnx.NodeProto) -> Flow | Array | _Unknown:
        """Return what a node makes; where it is refused, the reason is added to the problems."""
        where = f"Node {number}{f' {node.name!r}' if node.name else ''} ({node.op_type})"
        domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}:"
        inputs = [self.values[name] for name in node.input]
        try:
            if not domain and node.op_type in FOLDED and (folded := self._folded(node, inputs)) is not None:
                return folded
            unknown = any(isinstance(entry, _Unknown) for entry in inputs)
            if unknown and not domain and node.op_type in FOLDED:
                return _Unknown()
            if domain or node.op_type not in RULES:
                self.lacks = True
                advice = ADVICE.get(node.op_type, "Build the model without it")
                raise UnsupportedModel(f"it is not compiled yet. {advice}")
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

    def _folded(self, node: onnx.NodeProto, inputs: Sequence[Flow | Array | _Unknown | None]) -> Array | None:
        """Return the value of a node that reads constants, or the shape of a value; None where it is no constant."""
        if node.op_type in ("Shape", "Size") and isinstance(inputs[0], Flow):
            inputs = [np.broadcast_to(np.float32(0.0), (self.batch, *inputs[0].shape))]
        arrays = [entry for entry in inputs if entry is None or isinstance(entry, np.ndarray)]
        if len(arrays) < len(inputs):
            return None
        result = fold(node, arrays, self.model.opset)
        self._count(result.size)
        return result

    def _count(self, entries: int) -> None:
        """Add to the entries of all values, which bound the work and the memory that a file can ask for."""
        self.entries += entries
        if self.entries > LARGEST_SUM:
            raise BadModelFile(f"its values have more than {LARGEST_SUM} entries together, more than any device holds")

    def _lowered(self, node: onnx.NodeProto, inputs: Sequence[Flow | Array | _Unknown | None]) -> Flow:
        for name in set(node.input):
            flow = self.values[name]
            if isinstance(flow, Flow) and flow.left_out and node.op_type not in AFTER_SCORES:
                raise UnsupportedModel(
                    f"it stands behind a {flow.left_out}, which is compiled as the last node only. Export the model without it"
                )
            if isinstance(flow, Flow) and flow.pending and self.model.readers[name] > 1:
                self.values[name] = settled(self.builder, flow)  # several readers share one node
        now = [self.values[name] for name in node.input]
        operation = Operation(
            op=node.op_type,
            inputs=[entry for entry in now if not isinstance(entry, _Unknown)],
            attributes={entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute},
            opset=self.model.opset,
            batch=self.batch,
            outputs=tuple(self.model.readers[name] > 0 for name in node.output),
        )
        self._count(sum(entry.size for entry in now if isinstance(entry, np.ndarray)))
        made = RULES[node.op_type](self.builder, operation)
        self._count(math.prod(made.shape))
        return made

    def _stand_in(self, node: onnx.NodeProto, inputs: Sequence[Flow | Array | _Unknown | None]) -> Flow | _Unknown:
        """Return what stands for the output of a refused node, so that the nodes behind it are checked too."""
        first = inputs[0] if inputs else None
        if node.op_type in SAME_SHAPE and isinstance(first, Flow):
            return replace(settled(self.builder, first), left_out="")
        return _Unknown()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


ENTRY = FrontEnd(
    doc="an ONNX model",
    suffix=".onnx",
    begins=lambda head: (
        head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a", b"\x42")
    ),
    read=to_graph,
)
