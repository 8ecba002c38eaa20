"""The only loop: a graph with state, run along axis 0 of its input."""

from __future__ import annotations

from dataclasses import replace

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph
from edgewright.ops import Op, Types
from edgewright.ops._layout import check_same_integers


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of the body's output, with the number of steps before it where all are stacked."""
    body = attributes["body"]
    if not isinstance(body, Graph) or len(body.inputs) != 1 or len(body.outputs) != 1:
        raise BadGraph("the body must be a graph with one input and one output")
    x = types["x"]
    steps, *step_shape = x.shape
    if body.input_type.shape != tuple(step_shape):
        raise BadGraph(f"a step of x is {tuple(step_shape)}, and the body takes {body.input_type.shape}")
    if attributes["output"] not in ("last", "stacked"):
        raise BadGraph(f"output must be last or stacked, not {attributes['output']!r}")
    for node in body.nodes:
        if node.attributes.get("steps", steps) < steps:
            raise BadGraph(
                f"{node.output!r} says that it runs {node.attributes['steps']} times, and x has {steps} steps"
            )
    step = replace(x, shape=tuple(step_shape), axis=None if x.axis is None else x.axis - 1)
    check_same_integers(step, {"y": body.input_type})
    if "y" in types:
        check_same_integers(body.output_type, {"y": replace(types["y"], shape=body.output_type.shape)})
    return body.output_type.shape if attributes["output"] == "last" else (steps, *body.output_type.shape)


# Walking the body is the interpreter's and the emitter's business, so a scan has a shape and no meaning of its own here.
ENTRY = Op(
    doc="Runs the graph `body` on each entry of axis 0 of x, carrying its state; output: the `last` or all `stacked` "
    "in the order of x; `reverse` or not.",
    inputs=("x",),
    shape=shape,
)
