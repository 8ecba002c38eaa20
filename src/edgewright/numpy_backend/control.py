"""Constants, branches and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array, Value

WITHOUT_BATCH = 9
"""The opset from which Scan has no batch axis."""


def constant(
    *, value: Array | None = None, sparse_value: Array | None = None, value_float: float | None = None,
    value_floats: Sequence[float] | None = None, value_int: int | None = None, value_ints: Sequence[int] | None = None,
    value_string: str | None = None, value_strings: Sequence[str] | None = None,
) -> Array:  # fmt: skip
    """Return the one value that is given: float32, int64 or text where it is no tensor."""
    given: list[tuple[Any, Any]] = [
        (value, None), (sparse_value, None), (value_float, np.float32), (value_floats, np.float32),
        (value_int, np.int64), (value_ints, np.int64), (value_string, object), (value_strings, object),
    ]  # fmt: skip
    found = [np.asarray(entry, dtype) for entry, dtype in given if entry is not None]
    if len(found) != 1:
        raise BadModelFile(f"A Constant has {len(found)} values; it must have one.")
    return found[0]


def branch(condition: Array, *, then_branch: Callable[[], Any], else_branch: Callable[[], Any]) -> tuple[Value, ...]:
    """Return the outputs of one of two graphs."""
    return tuple(then_branch() if np.asarray(condition).all() else else_branch())


def loop(most: Array | None, condition: Array | None, *carried: Value, body: Any, outputs: int) -> tuple[Value, ...]:
    """Return the carried values after the last turn, then what each turn gave, stacked.

    body: (turn, condition, *carried) -> (condition, *carried, *given). most: the number of turns; either bound may be left out.
    """
    if most is None and condition is None:
        raise BadModelFile("A Loop has neither a number of turns nor a condition: it would never end.")
    alive = condition is None or bool(np.asarray(condition).all())
    stacks: list[list[Value]] = [[] for _ in range(outputs - len(carried))]
    turns = count() if most is None else range(int(np.asarray(most).reshape(())))
    for turn in turns:
        if not alive:
            break
        after, *results = body(np.array(turn, np.int64), np.array(True), *carried)
        alive = condition is None or bool(np.asarray(after).all())
        carried = tuple(results[: len(carried)])
        for stack, result in zip(stacks, results[len(carried) :], strict=False):
            stack.append(result)
    stacked = [np.stack(stack) if stack else body.empty(1 + len(carried) + place) for place, stack in enumerate(stacks)]
    return (*carried, *stacked)


def scan(
    *values: Value, body: Any, num_scan_inputs: int, opset: int, outputs: int,
    directions: Sequence[int] | None = None, scan_input_directions: Sequence[int] | None = None,
    scan_output_directions: Sequence[int] | None = None, scan_input_axes: Sequence[int] | None = None,
    scan_output_axes: Sequence[int] | None = None,
) -> tuple[Array, ...]:  # fmt: skip
    """Return the states after the last step, then what each step gave, stacked.

    body: (*states, *elements) -> (*states, *given). values: the first states, then the arrays that are scanned. Directions: 1 is from the
    end. Before opset 9 the first value is the lengths of the sequences, and all others have a batch axis in front.
    """
    backwards = list(scan_input_directions or directions or [0] * num_scan_inputs)
    if opset >= WITHOUT_BATCH:
        axes = list(scan_input_axes or [0] * num_scan_inputs)
        kept = len(values) - num_scan_inputs
        arrays = [np.moveaxis(array, axis, 0) for array, axis in zip(values[kept:], axes, strict=True)]
        states, stacked = _steps(body, list(values[:kept]), arrays, backwards, outputs)
        reversed_outputs = scan_output_directions or [0] * len(stacked)
        output_axes = scan_output_axes or [0] * len(stacked)
        stacked = [
            np.moveaxis(array[::-1] if back else array, 0, axis)
            for array, back, axis in zip(stacked, reversed_outputs, output_axes, strict=True)
        ]
        return (*states, *stacked)
    lengths, *rest = values
    kept = len(rest) - num_scan_inputs
    longest = rest[-1].shape[1]
    rows = []
    for row in range(rest[-1].shape[0]):
        length = longest if lengths is None else int(lengths[row])
        arrays = [array[row, :length] for array in rest[kept:]]
        states, stacked = _steps(body, [array[row] for array in rest[:kept]], arrays, backwards, outputs)
        padded = [np.pad(array, [(0, longest - length)] + [(0, 0)] * (array.ndim - 1)) for array in stacked]
        rows.append([*states, *padded])
    return tuple(np.stack(parts) for parts in zip(*rows, strict=True))


def _steps(
    body: Any, states: list[Array], arrays: list[Array], backwards: Sequence[int], outputs: int
) -> tuple[list[Array], list[Array]]:
    length, kept = len(arrays[0]), len(states)
    if any(len(array) != length for array in arrays):
        raise BadModelFile(
            f"A Scan runs along arrays of lengths {[len(array) for array in arrays]}; they must be equal."
        )
    arrays = [array[::-1] if back else array for array, back in zip(arrays, backwards, strict=True)]
    given: list[tuple[Array, ...]] = []
    for elements in zip(*arrays, strict=True):
        results = body(*states, *[np.asarray(element) for element in elements])
        states = list(results[:kept])
        given.append(results[kept:])
    if not given:
        return states, [body.empty(kept + place) for place in range(outputs - kept)]
    return states, [np.stack(parts) for parts in zip(*given, strict=True)]


def sequence_map(sequence: list[Array], *others: Value, body: Any, outputs: int) -> tuple[list[Array], ...]:
    """Return sequences of what a graph makes of each element. others: sequences of the same length, or arrays for every element."""
    results = []
    for place, element in enumerate(sequence):
        rest = [other[place] if isinstance(other, list) else other for other in others]
        results.append(body(element, *rest))
    return tuple([result[output] for result in results] for output in range(outputs))


ENTRY: dict[str, Callable[..., Any]] = {
    "Constant": constant,
    "If": branch,
    "Loop": loop,
    "Scan": scan,
    "SequenceMap": sequence_map,
}
