"""A branch: a graph that runs only where a condition holds."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph
from edgewright.ir.types import Type
from edgewright.ops import INTEGERS, Case, Op, Types
from edgewright.ops._bodies import CONDITION, doubled, windowed
from edgewright.ops._layout import check_same_integers


def check_condition(what: str, type: Type) -> None:
    """Raise BadGraph where a type is not that of a condition: one bool, which float graphs may hold as a float32."""
    if type.shape != (1,) or type.dtype not in ("bool", "float32"):
        raise BadGraph(f"{what} is {type}; it must be bool[1]: make it with is_confident")


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of the body's output, which is that of `otherwise`."""
    body = attributes["body"]
    if not isinstance(body, Graph) or len(body.inputs) != 1 or len(body.outputs) != 1:
        raise BadGraph("the body must be a graph with one input and one output")
    if body.state:
        raise BadGraph(f"the body carries {', '.join(body.state)}, but it runs once; put it into a scan")
    x, otherwise = types["x"], types["otherwise"]
    check_condition("the condition", types["condition"])
    if body.input_type.shape != x.shape:
        raise BadGraph(f"x is {x.shape}, and the body takes {body.input_type.shape}")
    if body.output_type.shape != otherwise.shape:
        raise BadGraph(f"otherwise is {otherwise.shape}, and the body gives {body.output_type.shape}")
    check_same_integers(x, {"y": body.input_type})
    for type in (body.output_type, otherwise):
        check_same_integers(type, types)
    return otherwise.shape


def cases(generator: np.random.Generator) -> list[Case]:
    """Bodies of one node, of loops and of nothing at all; `otherwise` computed before and constant."""
    found = []
    for dtype in INTEGERS:
        for body in (doubled((3,), dtype), windowed((7, 2), dtype, 3, 2), windowed((5, 2), dtype, 2, 1, strided=False)):
            y = body.output_type
            types = {"condition": CONDITION, "x": body.input_type, "otherwise": y, "y": y}
            found.append(Case(types, attributes={"body": body}))
            constant = {"otherwise": generator.integers(-9, 9, y.shape).astype(dtype)}
            found.append(Case(types, constant, {"body": body}))
        given = Type((2,), dtype, 0.25)
        nothing = Graph(("given",), ("given",), (), {"given": given}, name="nothing")
        types = {"condition": CONDITION, "x": given, "otherwise": given, "y": given}
        found.append(Case(types, attributes={"body": nothing}))
    return found


# Walking the body is the interpreter's and the emitter's business, so a branch has a shape and no meaning of its own here.
ENTRY = Op(
    doc="What the graph `body` makes of x where the condition is 1, else the value `otherwise`, of the same type.",
    inputs=("condition", "x", "otherwise"),
    shape=shape,
    cases=cases,
)
