"""What flows through an ONNX model while it becomes a graph: values of rows, layers that are still open, and nodes with their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.ir.types import Array, Type
from edgewright.lowering import Builder

Floats = npt.NDArray[np.float64]

INPUT = "x"  # the graph's name for the input


class ModelBuilder(Builder):
    """A builder that also keeps what the integers of a quantised model need.

    exact: constants before they were rounded to float32. scales: of the integers that weights stand for, one a row.
    grids: scale, zero point and dtype of the values that a QuantizeLinear stands behind. labels: those that a classifier names.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.exact: dict[str, Floats] = {}
        self.scales: dict[str, Floats] = {}
        self.grids: dict[str, tuple[float, int, str]] = {}
        self.labels: tuple[str, ...] = ()

    def constant(self, name: str, values: npt.ArrayLike, type: Type | None = None) -> str:
        """Declare a constant and keep its exact values."""
        made = super().constant(name, values, type)
        self.exact[made] = np.asarray(values, np.float64)
        return made


@dataclass(frozen=True)
class Grid:
    """The scale of the integers that a constant of a quantised model stands for. axis: of several scales."""

    scale: Floats
    axis: int | None

    def moved(self, axes: Sequence[int]) -> Grid:
        """Return the grid of the constant with its axes in another order."""
        return Grid(self.scale, None if self.axis is None else list(axes).index(self.axis))


@dataclass(frozen=True)
class Product:
    """A product that no node stands for yet, as a scaling behind it may go into the weights.

    op: dense, conv2d or depthwise_conv2d. weights: [rows, ...], rows first whatever the operator. scale: of the integers that the
    weights stand for, one or one a row, in a quantised model.
    """

    op: str
    weights: Floats
    bias: Floats
    attributes: Mapping[str, Any] = field(default_factory=dict)
    scale: Floats | None = None


@dataclass(frozen=True)
class Line:
    """scale and offset [1] or [features] that no node stands for yet, as several in a row become one."""

    scale: Floats
    offset: Floats


@dataclass(frozen=True)
class Flow:
    """A value that follows from the input.

    shape: of a row in the file's order, `pending` applied to `value`. order: which axis of `shape` each axis of `value` is (None: all
    as in the file); images lie with their channels last. flattened: the shape and order that a vector had before it was flattened
    without being moved. batch_at: where the batch stands among the file's axes. left_out: the last operator that was left out.
    encoded: it stands between a QuantizeLinear and a DequantizeLinear.
    """

    value: str
    shape: tuple[int, ...]
    pending: Product | Line | None = None
    left_out: str = ""
    order: tuple[int, ...] | None = None
    flattened: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    batch_at: int = 0
    encoded: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """The order, written out."""
        return tuple(range(len(self.shape))) if self.order is None else self.order

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of the graph's value."""
        return tuple(self.shape[axis] for axis in self.axes)

    def laid(self, constant: Floats) -> Floats:
        """Return a constant of the file's order (axes of one entry allowed) as it lies beside the graph's value."""
        constant = constant.reshape((1,) * (len(self.shape) - constant.ndim) + constant.shape)
        if self.flattened and constant.size > 1:
            shape, order = self.flattened
            return constant.reshape(shape).transpose(order).ravel()
        return constant.transpose(self.axes)


@dataclass(frozen=True)
class Operation:
    """A node with its inputs (None: left out). batch: the size of the batch axis; outputs: which outputs are used.

    grids: of constants that were dequantised. last: only operators that keep the largest score stand behind it.
    """

    op: str
    inputs: Sequence[Flow | Array | None]
    attributes: Mapping[str, Any]
    opset: int
    batch: int
    outputs: tuple[bool, ...]
    grids: Sequence[Grid | None] = ()
    last: bool = True

    def at(self, index: int) -> Flow | Array | None:
        """Return an input, or None."""
        return self.inputs[index] if index < len(self.inputs) else None

    def grid(self, index: int) -> Grid | None:
        """Return the integers of a constant input of a quantised model, or None."""
        return self.grids[index] if index < len(self.grids) else None

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

    def text(self, name: str, default: str) -> str:
        """Return an attribute as text."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def axis(self, value: int, flow: Flow) -> int:
        """Return an axis of a row in the file's order, counted without the batch axis."""
        rank = len(flow.shape) + 1
        if not -rank <= value < rank:
            raise BadModelFile(f"axis {value} does not exist in {rank} axes")
        if value % rank == flow.batch_at:
            raise UnsupportedModel("it works along the batch axis; each row must stand alone")
        return value % rank - (value % rank > flow.batch_at)


def settle(builder: ModelBuilder, flow: Flow) -> str:
    """Return the value of a flow, with a node for what is pending."""
    pending = flow.pending
    if isinstance(pending, Product):
        weights = np.moveaxis(pending.weights, 0, -1) if pending.op == "depthwise_conv2d" else pending.weights
        w, bias = builder.constant("weights", weights), builder.constant("bias", pending.bias)
        if pending.scale is not None:
            builder.scales[w] = pending.scale
        return builder.node(pending.op, attributes=dict(pending.attributes), x=flow.value, w=w, bias=bias)
    if isinstance(pending, Line):
        # Behind the input an affine lets every feature have its own scale
        if flow.value != INPUT and flow.shape and np.all(pending.scale == 1.0):
            bias = builder.constant("bias", np.broadcast_to(pending.offset, flow.stored[-1:]))
            return builder.node("add_bias", x=flow.value, bias=bias)
        scale, offset = builder.constant("scale", pending.scale), builder.constant("offset", pending.offset)
        return builder.node("affine", x=flow.value, scale=scale, offset=offset)
    return flow.value


def settled(builder: ModelBuilder, flow: Flow) -> Flow:
    """Return a flow with nothing pending."""
    return replace(flow, value=settle(builder, flow), pending=None) if flow.pending else flow


def along_line(flow: Flow, scale: npt.ArrayLike, offset: npt.ArrayLike) -> Flow:
    """Return flow * scale + offset; both have one entry, or one for each of the last axis of the graph's value."""
    scale, offset = (np.atleast_1d(np.asarray(entry, np.float64)).ravel() for entry in (scale, offset))
    pending = flow.pending
    if isinstance(pending, Product):
        rows = np.broadcast_to(scale, pending.bias.shape)
        weights = pending.weights * rows.reshape(-1, *[1] * (pending.weights.ndim - 1))
        same = pending.scale if np.all(scale == 1.0) else None  # the file's integers no longer hold
        return replace(flow, pending=replace(pending, weights=weights, bias=pending.bias * rows + offset, scale=same))
    if isinstance(pending, Line):
        return replace(flow, pending=Line(pending.scale * scale, pending.offset * scale + offset))
    return replace(flow, pending=Line(scale, offset))


def ordered(builder: ModelBuilder, flow: Flow, order: tuple[int, ...]) -> Flow:
    """Return a flow whose graph value has its axes in an order: moved by a transpose, or by a reshape where that is enough."""
    if flow.flattened:
        shape, before = flow.flattened
        stored = tuple(shape[axis] for axis in before)
        image = Flow(_shaped(builder, settle(builder, flow), stored), shape, order=before)
        straight = ordered(builder, image, tuple(range(len(shape))))
        return replace(
            flow, value=_shaped(builder, straight.value, flow.shape), pending=None, flattened=None, order=None
        )
    if flow.axes == order:
        return flow
    axes = tuple(flow.axes.index(axis) for axis in order)
    value = settle(builder, flow)
    moving = [axis for axis in axes if flow.stored[axis] != 1]
    if moving == sorted(moving):
        value = _shaped(builder, value, tuple(flow.shape[axis] for axis in order))
    else:
        value = builder.node("transpose", x=value, attributes={"axes": axes})
    return replace(flow, value=value, pending=None, order=order)


def plain(builder: ModelBuilder, flow: Flow) -> Flow:
    """Return a flow whose graph value lies in the file's order."""
    return ordered(builder, flow, tuple(range(len(flow.shape))))


def channels_last(builder: ModelBuilder, flow: Flow) -> Flow:
    """Return a flow [channels, ...] whose graph value has its channels last."""
    return ordered(builder, flow, (*range(1, len(flow.shape)), 0))


def _shaped(builder: ModelBuilder, value: str, shape: tuple[int, ...]) -> str:
    if builder.type(value).shape == shape:
        return value
    return builder.node("reshape", x=value, attributes={"shape": shape})


def reshaped(builder: ModelBuilder, flow: Flow, shape: tuple[int, ...]) -> Flow:
    """Return a flow with another shape of its rows; a vector keeps its order, to be undone by the weights of a layer behind it."""
    if flow.shape == shape:
        return flow
    settled_flow = settled(builder, flow)
    moving = [axis for axis in settled_flow.axes if settled_flow.shape[axis] != 1]
    if len(shape) == 1 and not settled_flow.flattened and moving != sorted(moving):
        value = _shaped(builder, settled_flow.value, shape)
        return replace(
            settled_flow, value=value, shape=shape, order=None, flattened=(settled_flow.shape, settled_flow.axes)
        )
    if len(shape) > 1 and shape[0] == flow.shape[0] and flow.axes == (*range(1, len(flow.shape)), 0):
        # The channels stay an axis of their own, so the others can change behind their back
        value = _shaped(builder, settled_flow.value, (*shape[1:], shape[0]))
        return replace(settled_flow, value=value, shape=shape, order=(*range(1, len(shape)), 0))
    straight = plain(builder, settled_flow)
    return replace(straight, value=_shaped(builder, straight.value, shape), shape=shape, order=None)


def stored_as(builder: ModelBuilder, flow: Flow, shape: tuple[int, ...]) -> str:
    """Return the settled value of a flow with another shape, its entries where they are."""
    return _shaped(builder, settle(builder, flow), shape)


def entrywise(builder: ModelBuilder, op: str, x: Flow, attributes: Mapping[str, Any] | None = None) -> Flow:
    """Return what an operator that works entry by entry makes of a flow, whatever its order."""
    return replace(x, value=builder.node(op, x=settle(builder, x), attributes=dict(attributes or {})), pending=None)
