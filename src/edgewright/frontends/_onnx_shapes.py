"""ONNX's operators that move entries or reduce an axis. The batch axis always stays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Flow, Operation, node_of, reshaped
from edgewright.lowering import Builder

MOST_AXES = 8  # of a reshaped row
LAST = 2**31 - 1  # the end that exporters write for "all of the axis"


def reshape(builder: Builder, node: Operation) -> Flow:
    """Reshape, Flatten, Squeeze and Unsqueeze: all that must stay is the batch axis."""
    x = node.flow
    before = (node.batch, *x.shape)
    if any(isinstance(entry, np.ndarray) and entry.size > MOST_AXES for entry in node.inputs):
        raise UnsupportedModel(f"it makes rows of more than {MOST_AXES} axes. Flatten them")
    after = SHAPES[node.op](node, before)
    if math.prod(after) != math.prod(before):
        raise BadModelFile(f"it turns rows of shape {list(x.shape)} into {list(after)}")
    if not after or after[0] != node.batch:
        raise UnsupportedModel(
            f"it turns {list(before)} into {list(after)}; the first axis must stay the batch. Flatten from axis 1 on"
        )
    return reshaped(builder, x, after[1:])


def _reshape_shape(node: Operation, before: tuple[int, ...]) -> tuple[int, ...]:
    wanted = node.integers(1, "shape") or []
    copied = not node.number("allowzero", 0)
    sizes = [before[k] if size == 0 and copied else size for k, size in enumerate(wanted)]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1 or any(size < -1 or size == 0 for size in sizes) or math.prod(before) % known:
        raise BadModelFile(f"its shape {wanted} is not one of {list(before)}")
    return tuple(math.prod(before) // known if size == -1 else size for size in sizes)


def _flatten_shape(node: Operation, before: tuple[int, ...]) -> tuple[int, ...]:
    axis, rank = int(node.attributes.get("axis", 1)), len(before)
    if not -rank <= axis <= rank:
        raise BadModelFile(f"axis {axis} does not exist in {rank} axes")
    axis = axis + rank if axis < 0 else axis
    return math.prod(before[:axis]), math.prod(before[axis:])


def _squeeze_shape(node: Operation, before: tuple[int, ...]) -> tuple[int, ...]:
    axes = node.integers(1, "axes")
    if axes is None:
        raise UnsupportedModel("it takes away all axes of size 1, the batch axis too. Export it with its axes")
    dropped = {node.axis(axis, before[1:]) + 1 for axis in axes}
    return tuple(size for k, size in enumerate(before) if k not in dropped)


def _unsqueeze_shape(node: Operation, before: tuple[int, ...]) -> tuple[int, ...]:
    axes = node.integers(1, "axes") or []
    rank = len(before) + len(axes)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(places) != len(axes):
        raise BadModelFile(f"axes {axes} do not exist in {rank} axes")
    if 0 in places:
        raise UnsupportedModel("it puts an axis before the batch axis. Export the model without it")
    sizes = iter(before)
    return tuple(1 if k in places else next(sizes) for k in range(rank))


SHAPES: Mapping[str, Callable[[Operation, tuple[int, ...]], tuple[int, ...]]] = {
    "Reshape": _reshape_shape,
    "Flatten": _flatten_shape,
    "Squeeze": _squeeze_shape,
    "Unsqueeze": _unsqueeze_shape,
}


def concatenate(builder: Builder, node: Operation) -> Flow:
    """Computed values one behind the other, nested in pairs."""
    flows = [entry for entry in node.inputs if isinstance(entry, Flow)]
    if len(flows) < len(node.inputs):
        raise UnsupportedModel(
            "it joins a constant to computed values. Put the constant into the bias of the layer behind it"
        )
    joined, *others = flows
    axis = node.axis(int(node.attributes["axis"]), joined.shape)
    for other in others:
        joined = node_of(builder, "concatenate", {"axis": axis}, a=joined, b=other)
    return joined


def stretch(builder: Builder, node: Operation) -> Flow:
    """Slice: a stretch of one axis after the other."""
    x = node.flow
    starts, ends = node.integers(1, "starts"), node.integers(2, "ends")
    if starts is None or ends is None:
        raise BadModelFile("its starts or its ends are missing")
    if len(starts) > len(x.shape) + 1:
        raise BadModelFile(f"it cuts {len(starts)} of {len(x.shape) + 1} axes")
    axes, steps = node.integers(3, "axes") or list(range(len(starts))), node.integers(4, "steps") or [1] * len(starts)
    for start, end, at, step in zip(starts, ends, axes, steps, strict=True):
        if step != 1:
            raise UnsupportedModel(f"its step is {step}; only 1 is compiled")
        if at in (0, -1 - len(x.shape)) and start == 0 and end >= LAST:
            continue
        axis = node.axis(at, x.shape)
        first, behind, _ = slice(start, end).indices(x.shape[axis])
        if (first, behind) != (0, x.shape[axis]):
            x = node_of(builder, "slice", {"axis": axis, "start": first, "length": behind - first}, x=x)
    return x


def reduction(builder: Builder, node: Operation) -> Flow:
    """ReduceSum, ReduceMean and ReduceMax along one axis of a row."""
    x, axes = node.flow, node.integers(1, "axes")
    if not axes or len(axes) != 1:
        raise UnsupportedModel(
            f"it reduces along {'all' if not axes else len(axes)} axes; one axis of a row is compiled. Export it so"
        )
    axis = node.axis(axes[0], x.shape)
    op = {"ReduceSum": "reduce_sum", "ReduceMean": "reduce_mean", "ReduceMax": "reduce_max"}[node.op]
    made = node_of(builder, op, {"axis": axis}, x=x)
    kept = node.number("keepdims", 1)
    return reshaped(builder, made, (*x.shape[:axis], 1, *x.shape[axis + 1 :])) if kept else made
