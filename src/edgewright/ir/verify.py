"""The rules that hold for every graph, whatever its operators are."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph, list_problems
from edgewright.ir.graph import Graph
from edgewright.ir.types import DTYPES, INTEGER_RANGES, Type

LARGEST_VALUE = 2**28  # entries; far beyond any board, and small enough to allocate


def verify_structure(graph: Graph) -> Graph:
    """Return the graph, or raise BadGraph with every rule it breaks.

    1. Every value has one type, and the type is sound: known dtype, positive sizes, a scale where it is an integer.
    2. Constants hold the dtype and shape of their type, and integers within its range.
    3. A node reads only what is there before it: inputs, constants, state, outputs of earlier nodes.
    4. Every value is made once and has a name without "/". There are inputs and outputs, and the outputs exist.
    5. A state and its successor have the same type.
    6. Labels, if there are any, are one an entry of the only output.
    7. The bodies of nodes obey these rules too.
    """
    problems: list[str] = []
    given = [*graph.inputs, *graph.state, *(value for value in graph.constants if value not in graph.state)]
    made = [*given, *(node.output for node in graph.nodes)]
    problems += [f"value {value!r} is given twice" for value in sorted({v for v in given if given.count(v) > 1})]
    problems += [f"value {value!r} needs a name without '/'" for value in made if not value or "/" in value]
    if not graph.inputs or not graph.outputs:
        problems.append(f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; each must be 1 or more")
    for value, type in graph.types.items():
        problems += [f"value {value!r}: {problem}" for problem in _type_problems(type)]
    for value, array in graph.constants.items():
        problems += _constant_problems(value, array, graph.types.get(value))

    known = set(graph.inputs) | set(graph.constants) | set(graph.state)
    problems += [f"value {value!r} has no type" for value in sorted(known - set(graph.types))]
    for node in graph.nodes:
        where = f"node {node.output!r} ({node.op})"
        problems += [
            f"{where} reads {value!r} at port {port!r}, which is not there before it"
            for port, value in node.inputs.items()
            if value not in known
        ]
        if node.output in known:
            problems.append(f"{where} makes {node.output!r}, which exists already")
        if node.output not in graph.types:
            problems.append(f"{where} has no type for its output")
        known.add(node.output)
    problems += [f"output {value!r} is never made" for value in graph.outputs if value not in known]
    for state, successor in graph.state.items():
        if successor not in known:
            problems.append(f"state {state!r} is carried from {successor!r}, which is never made")
        elif graph.types.get(state) != graph.types.get(successor):
            problems.append(
                f"state {state!r} is {graph.types.get(state)} and {successor!r} is {graph.types.get(successor)}"
            )
    if graph.labels and not problems:
        sizes = [graph.types[value].size for value in graph.outputs]
        if sizes != [len(graph.labels)]:
            problems.append(f"it has {len(graph.labels)} labels, and its outputs have {sizes} entries")
    if problems:
        raise BadGraph(list_problems(f"The graph {graph.name!r} breaks the rules:", problems))
    for node in graph.nodes:
        if node.body:
            verify_structure(node.body)
    return graph


def _type_problems(type: Type) -> list[str]:
    if type.dtype not in DTYPES:
        return [f"dtype {type.dtype!r} is not one of {', '.join(DTYPES)}"]
    problems = []
    if any(size < 1 for size in type.shape) or type.size > LARGEST_VALUE:
        problems.append(f"shape {type.shape} is not allowed: sizes are 1 or more, {LARGEST_VALUE} entries at most")
    if type.is_float:
        return problems
    if type.scale is None:
        return [*problems, f"{type.dtype} needs a scale"]
    scales = np.atleast_1d(type.scale)
    if not (np.all(np.isfinite(scales)) and np.all(scales > 0)):
        problems.append("its scale is not positive and finite")
    if (type.axis is None) == isinstance(type.scale, tuple):
        problems.append("several scales need an axis, and one scale has none")
    elif type.axis is not None and (not 0 <= type.axis < len(type.shape) or scales.size != type.shape[type.axis]):
        problems.append(f"{scales.size} scales do not fit axis {type.axis} of shape {type.shape}")
    low, high = INTEGER_RANGES[type.dtype]
    if not low <= type.range[0] <= type.range[1] <= high:
        problems.append(f"range {type.range} does not lie in {low}..{high}")
    if not low <= type.zero_point <= high:
        problems.append(f"zero point {type.zero_point} does not lie in {low}..{high}")
    return problems


def _constant_problems(value: str, array: np.ndarray, type: Type | None) -> list[str]:
    if type is None:
        return [f"constant {value!r} has no type"]
    if type.dtype not in DTYPES:
        return []  # rule 1 says so
    if array.dtype != np.dtype(type.dtype) or array.shape != type.shape:
        return [f"constant {value!r} is {array.dtype}{list(array.shape)} but its type is {type}"]
    if type.is_float:
        return [] if np.all(np.isfinite(array)) else [f"constant {value!r} holds NaN or infinity"]
    low, high = type.range
    if array.size and not low <= int(array.min()) <= int(array.max()) <= high:
        return [f"constant {value!r} holds integers outside {low}..{high}"]
    return []
