"""Zeros around an image become the padding of the operator that reads it."""

from __future__ import annotations

from dataclasses import replace

from edgewright.compiler.passes._rewrite import in_bodies, maker, only_reader, without_unread
from edgewright.ir.graph import Attributes, Graph, Node

IMAGE = 3  # axes: height, width, channels
CONVOLUTIONS = ("conv2d", "depthwise_conv2d")
NONE = (0, 0, 0, 0)


def merge_padding(graph: Graph) -> Graph:
    """A `pad` with zeros vanishes into what reads it.

    1. Only where it stands for the real number 0, leaves the channels alone, and has one reader.
    2. Before a `conv2d` or `depthwise_conv2d`: its edges are added to the `padding`, which is 0 too.
    3. Before an `average_pool2d`: the same, with `count_include_pad`, if the pool counts its own padding or has none; and if every edge
       is less than a window, as each window must hold some of the image.
    4. Before another `pad` with zeros: both become one.
    5. In integers the zero point must be proven possible for x, as it is what the reader's padding holds.
    6. Bodies of scans are treated alike.
    """
    graph = in_bodies(graph, merge_padding)  # rule 6
    for node in graph.nodes:
        before = maker(graph, node.inputs["x"]) if "x" in node.inputs else None
        if before is None or before.op != "pad" or not _is_mergeable(graph, before):
            continue
        attributes = _merged(before, node)
        if attributes is not None:
            read = replace(node, inputs={**node.inputs, "x": before.inputs["x"]}, attributes=attributes)
            nodes = tuple(read if other.output == node.output else other for other in graph.nodes if other != before)
            graph = replace(graph, nodes=nodes)
    return without_unread(graph)


def _is_mergeable(graph: Graph, pad: Node) -> bool:
    """Rules 1 and 5."""
    x = graph.types[pad.inputs["x"]]
    possible = x.is_float or x.range[0] <= x.zero_point <= x.range[1]
    return possible and float(pad.attributes.get("value", 0.0)) == 0.0 and only_reader(graph, pad.output) is not None


def _merged(pad: Node, reader: Node) -> Attributes | None:
    """Return the attributes of the reader with the edges of a pad, or None where it cannot have them. Rules 1 to 4."""
    before, behind = (tuple(int(entry) for entry in pad.attributes[side]) for side in ("before", "behind"))
    if reader.op == "pad" and float(reader.attributes.get("value", 0.0)) == 0.0:
        sums = {
            side: tuple(own + int(other) for own, other in zip(edges, reader.attributes[side], strict=True))
            for side, edges in (("before", before), ("behind", behind))
        }
        return {**reader.attributes, **sums}
    if len(before) != IMAGE or before[2] or behind[2]:
        return None
    own = tuple(int(entry) for entry in reader.attributes.get("padding", NONE))
    edges = (*before[:2], *behind[:2])
    padding = {"padding": tuple(one + other for one, other in zip(edges, own, strict=True))}
    if reader.op in CONVOLUTIONS:
        return {**reader.attributes, **padding}
    if (
        reader.op == "average_pool2d"
        and (own == NONE or reader.attributes.get("count_include_pad", False))
        and all(
            edge < size for edge, size in zip(padding["padding"], 2 * tuple(reader.attributes["size"]), strict=True)
        )
    ):
        return {**reader.attributes, **padding, "count_include_pad": True}
    return None
