"""ONNX's operators that move entries or reduce axes. The batch axis always stays, wherever the file puts it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import (
    Flow,
    ModelBuilder,
    Operation,
    channels_last,
    entrywise,
    ordered,
    plain,
    reshaped,
    settle,
    settled,
    stored_as,
)

MOST_AXES = 8  # of a reshaped row
LAST = 2**31 - 1  # the end that exporters write for "all of the axis"


def file_shape(node: Operation, x: Flow) -> tuple[int, ...]:
    """Return the shape in the file, with the batch axis."""
    return (*x.shape[: x.batch_at], node.batch, *x.shape[x.batch_at :])


def reshape(builder: ModelBuilder, node: Operation) -> Flow:
    """Reshape, Flatten, Squeeze and Unsqueeze: all that must stay is the batch axis."""
    x = node.flow
    before = file_shape(node, x)
    if any(isinstance(entry, np.ndarray) and entry.size > MOST_AXES for entry in node.inputs):
        raise UnsupportedModel(f"it makes rows of more than {MOST_AXES} axes. Flatten them")
    after, at = SHAPES[node.op](node, before, x.batch_at)
    if math.prod(after) != math.prod(before):
        raise BadModelFile(f"it turns rows of shape {list(x.shape)} into {list(after)}")
    if at is None or after[at] != node.batch:
        raise UnsupportedModel(
            f"it turns {list(before)} into {list(after)}; the batch must stay an axis of its own. Flatten from axis 1 on"
        )
    return replace(reshaped(builder, x, (*after[:at], *after[at + 1 :])), batch_at=at)


Reshaping = Callable[[Operation, tuple[int, ...], int], tuple[tuple[int, ...], int | None]]


def _batch_in(before: tuple[int, ...], after: tuple[int, ...], at: int) -> int | None:
    """Return where the batch axis went: as much must stand before it as did."""
    places = [k for k in range(len(after)) if after[k] == before[at] and math.prod(after[:k]) == math.prod(before[:at])]
    return places[0] if places else None


def _reshape_shape(node: Operation, before: tuple[int, ...], at: int) -> tuple[tuple[int, ...], int | None]:
    wanted = node.integers(1, "shape") or []
    copied = not node.number("allowzero", 0)
    sizes = [before[k] if size == 0 and copied else size for k, size in enumerate(wanted)]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1 or any(size < -1 or size == 0 for size in sizes) or math.prod(before) % known:
        raise BadModelFile(f"its shape {wanted} is not one of {list(before)}")
    after = tuple(math.prod(before) // known if size == -1 else size for size in sizes)
    return after, _batch_in(before, after, at)


def _flatten_shape(node: Operation, before: tuple[int, ...], at: int) -> tuple[tuple[int, ...], int | None]:
    axis, rank = int(node.attributes.get("axis", 1)), len(before)
    if not -rank <= axis <= rank:
        raise BadModelFile(f"axis {axis} does not exist in {rank} axes")
    axis = axis + rank if axis < 0 else axis
    after = math.prod(before[:axis]), math.prod(before[axis:])
    return after, _batch_in(before, after, at)


def _squeeze_shape(node: Operation, before: tuple[int, ...], at: int) -> tuple[tuple[int, ...], int | None]:
    axes = node.integers(1, "axes")
    if axes is None:
        raise UnsupportedModel("it takes away all axes of size 1, the batch axis too. Export it with its axes")
    dropped = {node.axis(axis, node.flow) for axis in axes}
    dropped = {axis + (axis >= at) for axis in dropped}
    after = tuple(size for k, size in enumerate(before) if k not in dropped)
    return after, at - sum(axis < at for axis in dropped)


def _unsqueeze_shape(node: Operation, before: tuple[int, ...], at: int) -> tuple[tuple[int, ...], int | None]:
    axes = node.integers(1, "axes") or []
    rank = len(before) + len(axes)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(places) != len(axes):
        raise BadModelFile(f"axes {axes} do not exist in {rank} axes")
    sizes = iter(before)
    kept = [k for k in range(rank) if k not in places]
    return tuple(1 if k in places else next(sizes) for k in range(rank)), kept[at]


SHAPES: Mapping[str, Reshaping] = {
    "Reshape": _reshape_shape,
    "Flatten": _flatten_shape,
    "Squeeze": _squeeze_shape,
    "Unsqueeze": _unsqueeze_shape,
}


def transpose(builder: ModelBuilder, node: Operation) -> Flow:
    """Transpose: the graph's value stays where it is until an operator needs the file's order."""
    x = node.flow
    rank = len(x.shape) + 1
    axes = [int(axis) for axis in node.attributes.get("perm", range(rank - 1, -1, -1))]
    if sorted(axes) != list(range(rank)):
        raise BadModelFile(f"its perm {axes} is not an order of {rank} axes")
    at = axes.index(x.batch_at)
    moved = [axis - (axis > x.batch_at) for axis in axes if axis != x.batch_at]
    flow = plain(builder, x) if x.flattened else settled(builder, x)
    order = tuple(moved.index(axis) for axis in flow.axes)
    return replace(flow, shape=tuple(x.shape[axis] for axis in moved), order=order, batch_at=at)


def straightened(builder: ModelBuilder, x: Flow) -> Flow:
    """Return a flow that is not flattened out of order, so that its axes can be told apart."""
    return plain(builder, x) if x.flattened else settled(builder, x)


def concatenate(builder: ModelBuilder, node: Operation) -> Flow:
    """Computed values one behind the other, nested in pairs."""
    flows = [entry for entry in node.inputs if isinstance(entry, Flow)]
    if len(flows) < len(node.inputs) or not flows:
        raise UnsupportedModel(
            "it joins a constant to computed values. Put the constant into the bias of the layer behind it"
        )
    first, *others = [straightened(builder, flow) for flow in flows]
    axis = node.axis(int(node.attributes["axis"]), first)
    joined, size = first.value, first.shape[axis]
    for other in others:
        if len(other.shape) != len(first.shape) or other.batch_at != first.batch_at:
            raise BadModelFile(f"it joins rows of shapes {list(first.shape)} and {list(other.shape)}")
        other = ordered(builder, other, first.axes)
        joined = builder.node("concatenate", attributes={"axis": first.axes.index(axis)}, a=joined, b=other.value)
        size += other.shape[axis]
    return replace(first, value=joined, shape=(*first.shape[:axis], size, *first.shape[axis + 1 :]))


def cut(builder: ModelBuilder, x: Flow, axis: int, start: int, length: int) -> Flow:
    """Return a stretch of an axis of the file's order."""
    if (start, length) == (0, x.shape[axis]):
        return x
    if length < 1:
        raise UnsupportedModel(f"nothing is left of axis {axis} of a row of shape {list(x.shape)}")
    x = straightened(builder, x)
    attributes = {"axis": x.axes.index(axis), "start": start, "length": length}
    value = builder.node("slice", x=x.value, attributes=attributes)
    return replace(x, value=value, shape=(*x.shape[:axis], length, *x.shape[axis + 1 :]))


def stretch(builder: ModelBuilder, node: Operation) -> Flow:
    """Slice: a stretch of one axis after the other."""
    x = node.flow
    starts, ends = node.integers(1, "starts"), node.integers(2, "ends")
    if starts is None or ends is None:
        raise BadModelFile("its starts or its ends are missing")
    rank = len(x.shape) + 1
    if len(starts) > rank:
        raise BadModelFile(f"it cuts {len(starts)} of {rank} axes")
    axes, steps = node.integers(3, "axes") or list(range(len(starts))), node.integers(4, "steps") or [1] * len(starts)
    for start, end, at, step in zip(starts, ends, axes, steps, strict=True):
        if step != 1:
            raise UnsupportedModel(f"its step is {step}; only 1 is compiled")
        if at in (x.batch_at, x.batch_at - rank) and start == 0 and end >= LAST:
            continue
        axis = node.axis(at, x)
        first, behind, _ = slice(start, end).indices(x.shape[axis])
        x = cut(builder, x, axis, first, behind - first)
    return x


def split(builder: ModelBuilder, node: Operation) -> tuple[Flow, ...]:
    """Split: stretches of one axis."""
    x, count = settled(builder, node.flow), len(node.outputs)
    axis = node.axis(int(node.attributes.get("axis", 0)), x)
    sizes = node.integers(1, "split")
    if not sizes:
        size = -(-x.shape[axis] // max(count, 1))
        sizes = [min(size, x.shape[axis] - k * size) for k in range(count)]
    if len(sizes) != count or sum(sizes) != x.shape[axis] or min(sizes) < 1:
        raise BadModelFile(f"it splits an axis of {x.shape[axis]} into {sizes} for {count} outputs")
    starts = np.cumsum([0, *sizes])
    return tuple(
        cut(builder, x, axis, int(start), size) if used else x
        for start, size, used in zip(starts, sizes, node.outputs, strict=False)
    )


def gather(builder: ModelBuilder, node: Operation) -> Flow:
    """Gather of one entry, which takes the axis away, or of neighbours."""
    x = node.flow
    axis = node.axis(int(node.attributes.get("axis", 0)), x)
    indices = node.constant(1, "indices")
    if indices is None or indices.ndim > 1 or not indices.size:
        raise UnsupportedModel("its indices must be a constant number or a list of neighbours")
    numbers = [int(entry) for entry in indices.ravel()]
    if not all(-x.shape[axis] <= entry < x.shape[axis] for entry in numbers):
        raise BadModelFile(f"its indices {numbers[:8]} do not exist in {x.shape[axis]} entries")
    first = numbers[0] % x.shape[axis]
    if [entry % x.shape[axis] for entry in numbers] != list(range(first, first + len(numbers))):
        raise UnsupportedModel(
            "it picks entries that are no neighbours; only a stretch is compiled. Reorder the weights"
        )
    part = cut(builder, x, axis, first, len(numbers))
    if indices.ndim:
        return part
    at = part.batch_at - (axis < part.batch_at)
    return replace(reshaped(builder, part, (*part.shape[:axis], *part.shape[axis + 1 :])), batch_at=at)


def reduction(builder: ModelBuilder, node: Operation) -> Flow:
    """ReduceSum, ReduceMean and ReduceMax along axes of a row; neighbours are reduced at once."""
    x, given = node.flow, node.integers(1, "axes")
    if not given:
        raise UnsupportedModel("it reduces along all axes, the batch too; axes of a row are compiled. Export it so")
    x = straightened(builder, x)
    axes = sorted({node.axis(axis, x) for axis in given})
    op = {"ReduceSum": "reduce_sum", "ReduceMean": "reduce_mean", "ReduceMax": "reduce_max"}[node.op]
    kept_axes = [axis for axis in x.axes if axis not in axes]
    places = [x.axes.index(axis) for axis in axes]
    value, shape = x.value, list(x.stored)
    while places:
        last = first = max(places)
        while first - 1 in places:
            first -= 1
        merged = [*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]]
        value = builder.node(op, x=_shape(builder, value, tuple(merged)), attributes={"axis": first})
        shape = [*shape[:first], *shape[last + 1 :]]
        places = [place for place in places if place < first]
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    order = tuple(rest.index(axis) for axis in kept_axes)
    made = replace(x, value=value, shape=tuple(x.shape[axis] for axis in rest), order=order)
    if not node.number("keepdims", 1):
        return replace(made, batch_at=x.batch_at - sum(axis < x.batch_at for axis in axes))
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    stored = tuple(kept[axis] for axis in x.axes)
    return replace(made, value=stored_as(builder, made, stored), shape=kept, order=x.order)


def _shape(builder: ModelBuilder, value: str, shape: tuple[int, ...]) -> str:
    return (
        value if builder.type(value).shape == shape else builder.node("reshape", x=value, attributes={"shape": shape})
    )


def pad(builder: ModelBuilder, node: Operation) -> Flow:
    """Pad with one number."""
    x = node.flow
    mode = node.text("mode", "constant")
    if mode != "constant":
        raise UnsupportedModel(f"its mode is {mode!r}; padding with one number is compiled (mode: constant)")
    rank = len(x.shape) + 1
    pads = node.integers(1, "pads")
    axes = node.integers(3, "axes") or list(range(rank))
    if pads is None or len(pads) != 2 * len(axes) or not all(-rank <= axis < rank for axis in axes):
        raise BadModelFile(f"its pads {pads} do not fit {rank} axes")
    if min(pads) < 0:
        raise UnsupportedModel(f"its pads {pads} take entries away. Export it with a Slice")
    value = node.number("value", 0.0) if node.at(2) is None else float(node.floats(2, "value").reshape(()))
    around = {axis % rank: (pads[k], pads[k + len(axes)]) for k, axis in enumerate(axes)}
    if any(around.pop(x.batch_at, (0, 0))):
        raise UnsupportedModel("it pads the batch axis; each row must stand alone")
    edges = [around.get(axis + (axis >= x.batch_at), (0, 0)) for axis in range(len(x.shape))]
    if not any(map(any, edges)):
        return x
    x = channels_last(builder, x) if len(x.shape) > 1 and x.order else straightened(builder, x)
    before, behind = (tuple(edges[axis][side] for axis in x.axes) for side in (0, 1))
    made = entrywise_pad(builder, x, before, behind, value)
    return replace(made, shape=tuple(size + sum(edge) for size, edge in zip(x.shape, edges, strict=True)))


def entrywise_pad(
    builder: ModelBuilder, x: Flow, before: tuple[int, ...], behind: tuple[int, ...], value: float
) -> Flow:
    """Return a flow with entries around its graph value; its shape is the caller's to set."""
    return entrywise(builder, "pad", x, {"before": before, "behind": behind, "value": value})


def softmax(builder: ModelBuilder, node: Operation, x: Flow) -> Flow:
    """Softmax along one axis, or along all from one on in older opsets."""
    axis = node.axis(int(node.attributes.get("axis", 1 if node.opset < 13 else -1)), x)
    if node.opset < 13 and axis != len(x.shape) - 1:
        raise UnsupportedModel("it normalises along several axes at once. Export it with opset_version=17")
    x = straightened(builder, x)
    order = (*(other for other in x.axes if other != axis), axis)
    last = ordered(builder, x, order)
    return replace(last, value=builder.node("softmax", x=settle(builder, last)), pending=None)
