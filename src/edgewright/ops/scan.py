"""The only loop: a graph with state, run along axis 0 of its input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph
from edgewright.ops import INTEGERS, Case, Op, Types
from edgewright.ops._bodies import doubled, running_sum, windowed
from edgewright.ops._layout import check_same_integers
from edgewright.ops.when import check_condition


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
    if (until := attributes.get("until")) is not None:
        if attributes["output"] == "stacked":
            raise BadGraph(f"with until={until!r} there are not always {steps} outputs to stack; output must be last")
        if until not in body.types:
            raise BadGraph(f"until is {until!r}, which the body does not make")
        check_condition(f"until, {until!r},", body.types[until])
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


def cases(generator: np.random.Generator) -> list[Case]:
    """Both outputs in both directions, states as outputs, loops that end early, and loops within loops over windows."""
    found = []
    for dtype in INTEGERS:
        for body, steps, more in (
            (running_sum((2,), dtype), 4, {}),
            (running_sum((2,), dtype), 3, {"output": "stacked", "reverse": True}),
            (running_sum((3,), dtype, shown="total"), 3, {}),
            (running_sum((3,), dtype, shown="given"), 3, {"reverse": True}),
            (doubled((2,), dtype), 3, {"output": "stacked"}),
            (running_sum((3,), dtype, threshold=4.0), 6, {"until": "sure"}),
            (running_sum((2,), dtype, shown="total", threshold=4.0), 5, {"until": "sure", "reverse": True}),
            (running_sum((2,), dtype, shown="given", threshold=4.0), 5, {"until": "sure"}),
            (windowed((7, 2), dtype, 3, 2), 2, {"output": "stacked"}),
            (windowed((7, 2), dtype, 3, 2, strided=False), 2, {}),
            (windowed((8, 3), dtype, 2, 3), 3, {"output": "stacked", "reverse": True}),
        ):
            attributes = {"body": body, "output": "last", **more}
            y = body.output_type
            if attributes["output"] == "stacked":
                y = replace(y, shape=(steps, *y.shape))
            x = replace(body.input_type, shape=(steps, *body.input_type.shape))
            found.append(Case({"x": x, "y": y}, attributes=attributes))
    return found


# Walking the body is the interpreter's and the emitter's business, so a scan has a shape and no meaning of its own here.
ENTRY = Op(
    doc="Runs the graph `body` on each entry of axis 0 of x, carrying its state; output: the `last` or all `stacked` "
    "in the order of x; `reverse` or not; `until`: the value of the body that ends the loop after the step in which it is 1.",
    inputs=("x",),
    shape=shape,
    cases=cases,
)
