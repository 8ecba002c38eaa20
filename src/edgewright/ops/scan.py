"""The only loop: a graph with state, run along axis 0 of its input."""

from __future__ import annotations

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph
from edgewright.ops import Op, Types


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of the body's output, with the number of steps before it where all are stacked."""
    body = attributes["body"]
    if not isinstance(body, Graph) or len(body.inputs) != 1 or len(body.outputs) != 1:
        raise BadGraph("the body must be a graph with one input and one output")
    steps, *step_shape = types["x"].shape
    if body.input_type.shape != tuple(step_shape):
        raise BadGraph(f"a step of x is {tuple(step_shape)}, and the body takes {body.input_type.shape}")
    if attributes["output"] not in ("last", "stacked"):
        raise BadGraph(f"output must be last or stacked, not {attributes['output']!r}")
    return body.output_type.shape if attributes["output"] == "last" else (steps, *body.output_type.shape)


# Walking the body is the interpreter's and the emitter's business, so a scan has a shape and no meaning of its own here.
ENTRY = Op(
    doc="Runs the graph `body` on each entry of axis 0 of x, carrying its state; output: the `last` or all `stacked`; `reverse` or not.",
    inputs=("x",),
    shape=shape,
)
