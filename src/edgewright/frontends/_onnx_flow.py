"""What flows through an ONNX model while it becomes a graph: values of rows, layers that are still open, and nodes with their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.ir.types import Array
from edgewright.lowering import Builder

Floats = npt.NDArray[np.float64]

INPUT = "x"  # the graph's name for the input


@dataclass(frozen=True)
class Dense:
    """A product with weights [rows, columns] that no node stands for yet, as a scaling behind it may go into the weights."""

    weights: Floats
    bias: Floats


@dataclass(frozen=True)
class Line:
    """scale and offset [1] or [features] that no node stands for yet, as several in a row become one."""

    scale: Floats
    offset: Floats


@dataclass(frozen=True)
class Flow:
    """A value that follows from the input. shape: of a row, `pending` applied to `value`. left_out: the last operator that was left out."""

    value: str
    shape: tuple[int, ...]
    pending: Dense | Line | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Operation:
    """A node with its inputs (None: left out). batch: the size of the batch axis; outputs: which outputs are used."""

    op: str
    inputs: Sequence[Flow | Array | None]
    attributes: Mapping[str, Any]
    opset: int
    batch: int
    outputs: tuple[bool, ...]

    def at(self, index: int) -> Flow | Array | None:
        """Return an input, or None."""
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def flow(self) -> Flow:
        """The first input, which must follow from the model's input."""
        x = self.at(0)
        if not isinstance(x, Flow):
            raise UnsupportedModel("its first input must follow from the model's input")
        return x

    def constant(self, index: int, name: str) -> Array | None:
        """Return a constant input, or None where it is left out."""
        entry = self.at(index)
        if isinstance(entry, Flow):
            raise UnsupportedModel(f"its {name} is computed from the input; it must be a constant")
        return entry

    def floats(self, index: int, name: str) -> Floats:
        """Return a constant input that must be there, as float64."""
        entry = self.constant(index, name)
        if entry is None:
            raise BadModelFile(f"its {name} is missing")
        return entry.astype(np.float64)

    def integers(self, index: int, name: str) -> list[int] | None:
        """Return integers given as an attribute (older opsets) or as a constant input, or None."""
        if name in self.attributes:
            return [int(entry) for entry in np.ravel(self.attributes[name])]
        entry = self.constant(index, name)
        return None if entry is None else [int(number) for number in entry.ravel()]

    def number(self, name: str, default: float) -> float:
        """Return an attribute as a number."""
        return float(self.attributes.get(name, default))

    def axis(self, value: int, shape: tuple[int, ...]) -> int:
        """Return an axis of a row, counted without the batch axis."""
        rank = len(shape) + 1
        if not -rank <= value < rank:
            raise BadModelFile(f"axis {value} does not exist in {rank} axes")
        if value % rank == 0:
            raise UnsupportedModel("it works along the batch axis; each row must stand alone")
        return value % rank - 1


def settle(builder: Builder, flow: Flow) -> str:
    """Return the value of a flow, with a node for what is pending."""
    pending = flow.pending
    if isinstance(pending, Dense):
        w, bias = builder.constant("weights", pending.weights), builder.constant("bias", pending.bias)
        return builder.node("dense", x=flow.value, w=w, bias=bias)
    if isinstance(pending, Line):
        # Behind the input an affine lets every feature have its own scale
        if flow.value != INPUT and flow.shape and np.all(pending.scale == 1.0):
            bias = builder.constant("bias", np.broadcast_to(pending.offset, flow.shape[-1:]))
            return builder.node("add_bias", x=flow.value, bias=bias)
        scale, offset = builder.constant("scale", pending.scale), builder.constant("offset", pending.offset)
        return builder.node("affine", x=flow.value, scale=scale, offset=offset)
    return flow.value


def settled(builder: Builder, flow: Flow) -> Flow:
    """Return a flow with nothing pending."""
    return replace(flow, value=settle(builder, flow), pending=None)


def along_line(flow: Flow, scale: npt.ArrayLike, offset: npt.ArrayLike) -> Flow:
    """Return flow * scale + offset; both have one entry, or one for each of the last axis."""
    scale, offset = (np.atleast_1d(np.asarray(entry, np.float64)).ravel() for entry in (scale, offset))
    pending = flow.pending
    if isinstance(pending, Dense):
        scale = np.broadcast_to(scale, pending.bias.shape)
        return replace(flow, pending=Dense(pending.weights * scale[:, None], pending.bias * scale + offset))
    if isinstance(pending, Line):
        return replace(flow, pending=Line(pending.scale * scale, pending.offset * scale + offset))
    return replace(flow, pending=Line(scale, offset))


def reshaped(builder: Builder, flow: Flow, shape: tuple[int, ...]) -> Flow:
    """Return a flow with another shape of its rows."""
    if flow.shape == shape:
        return flow
    value = builder.node("reshape", x=settle(builder, flow), attributes={"shape": shape})
    return replace(flow, value=value, shape=shape, pending=None)


def node_of(builder: Builder, op: str, attributes: Mapping[str, Any] | None = None, **inputs: Flow) -> Flow:
    """Return what a new node makes of flows, by port."""
    value = builder.node(
        op,
        attributes=dict(attributes or {}),
        **{port: settle(builder, flow) for port, flow in inputs.items()},
    )
    return Flow(value, builder.type(value).shape)
