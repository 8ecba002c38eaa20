"""The twin of a stream: what NAME_step computes as the samples come, bit for bit, in NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadData
from edgewright.ir.graph import Graph, Node
from edgewright.ir.stream import Stage, Stream
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.walk import layout_hint

LARGEST_BATCH = 2**21  # entries that a stage is given at once

Ready = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Elements:
    """What a stage hands on. values: [streams, elements, ...]; places: [streams, elements], the sample at which each is there."""

    values: Array
    places: npt.NDArray[np.int64]


def run_stream(stream: Stream, samples: Array) -> tuple[Ready, Array]:
    """Return at which samples there is an answer, [n], and the integers of the answers in their order, [answers, *shape].

    samples: integers [n, *shape]; the stream begins with the first. Raises BadData where they do not fit.
    """
    samples = np.asarray(samples)
    type = stream.sample_type
    if samples.ndim != 1 + len(type.shape) or samples.shape[1:] != type.shape:
        wanted = ", ".join(map(str, type.shape))
        raise BadData(
            f"The stream {stream.name!r} takes samples [n, {wanted}], not {list(samples.shape)}."
            f"{layout_hint(type.shape, samples.shape[1:])}"
        )
    ready = np.zeros(len(samples), np.bool_)
    answers = []
    for begin, given in _begun(stream, samples):
        # Where a stream begins anew, what follows an answer is passed over
        found = _answered(stream, given[:, : stream.first] if stream.begins_anew else given)
        places = begin + np.arange(len(given))[:, None] * stream.every + found.places
        ready[places.ravel()] = True
        answers.append(found.values.reshape(-1, *stream.output_type.shape))
    return ready, np.concatenate(answers).astype(stream.output_type.dtype)


def _begun(stream: Stream, samples: Array) -> list[tuple[int, Array]]:
    """Return streams [streams, n, ...] that begin anew every so many samples, and where the first of them begins."""
    if not stream.begins_anew:
        return [(0, samples[None])]
    whole = len(samples) // stream.every
    end = whole * stream.every
    parts = [(0, samples[:end].reshape(whole, stream.every, *samples.shape[1:])), (end, samples[None, end:])]
    return [(begin, part) for begin, part in parts if part.size] or [(0, samples[None])]


def _answered(stream: Stream, samples: Array) -> _Elements:
    """Return the answers of streams; the places count from where each stream begins."""
    places = np.broadcast_to(np.arange(samples.shape[1]), samples.shape[:2])
    elements = _Elements(samples, places)
    for stage in stream.stages:
        elements = _until(stage, elements) if stage.until else _through(stage, elements)
    return elements


def _collected(stage: Stage, elements: _Elements) -> _Elements:
    """Return what each run of a stage sees, [streams, runs, *shape of its graph's input]."""
    runs = max(0, (elements.values.shape[1] - stage.size) // stage.stride + 1)
    windows = np.arange(runs)[:, None] * stage.stride + np.arange(stage.size)
    values = elements.values[:, windows]
    shape = (values.shape[0], runs, *stage.graph.input_type.shape)
    return _Elements(values.reshape(shape), elements.places[:, windows[:, -1]])


def _through(stage: Stage, elements: _Elements) -> _Elements:
    """Return what a stage hands on after every so many runs."""
    seen = _collected(stage, elements)
    streams, runs = seen.places.shape
    handed = slice(stage.every - 1, None, stage.every)
    places = seen.places[:, handed]
    if not stage.graph.state:
        return _Elements(_apart(stage, seen.values[:, handed]), places)
    whole = runs // stage.anew * stage.anew
    shape = seen.values.shape[2:]
    parts = []
    if whole:
        given = seen.values[:, :whole].reshape(-1, stage.anew, *shape)
        parts.append(_carried(stage, given)[:, handed])
    if runs > whole:
        parts.append(_carried(stage, seen.values[:, whole:])[:, handed])
    shape = stage.graph.output_type.shape
    found = [part.reshape(streams, -1, *shape) for part in parts if part.size]
    return _Elements(np.concatenate(found, axis=1) if found else np.zeros((streams, 0, *shape), np.int64), places)


def _until(stage: Stage, elements: _Elements) -> _Elements:
    """Return the one output that a stage hands on: of the run in which it may end, or of the last."""
    assert stage.until is not None
    seen = _collected(stage, elements)
    runs = min(seen.places.shape[1], stage.every)
    ends: list[Array] = []

    def watch(graph: Graph, path: str, array: Array) -> None:
        if path == f"handed/{stage.until}":
            ends.append(array.reshape(len(array)) != 0)

    if not runs:
        return _Elements(np.zeros((len(seen.places), 0, *stage.graph.output_type.shape)), seen.places[:, :0])
    outputs = run_integer(_scan(stage, runs), seen.values[:, :runs], watch)
    ended = np.stack(ends, axis=1)
    if runs == stage.every:
        ended[:, -1] = True
    rows, at = np.arange(len(ended)), ended.argmax(axis=1)
    kept = ended.any(axis=1)
    return _Elements(outputs[rows, at][kept][:, None], seen.places[rows, at][kept][:, None])


def _apart(stage: Stage, values: Array) -> Array:
    """Return the outputs [streams, runs, ...] of runs that know nothing of each other."""
    given = values.reshape(-1, *values.shape[2:])
    at_once = max(1, LARGEST_BATCH // max(1, math.prod(given.shape[1:])))
    found = [run_integer(stage.graph, given[row : row + at_once]) for row in range(0, len(given), at_once)]
    shape = stage.graph.output_type.shape
    outputs = np.concatenate(found) if found else np.zeros((0, *shape), np.int64)
    return outputs.reshape(*values.shape[:2], *shape)


def _carried(stage: Stage, values: Array) -> Array:
    """Return the outputs [n, runs, ...] of runs of which each begins with the state that the one before left."""
    return run_integer(_scan(stage, values.shape[1]), values)


def _scan(stage: Stage, runs: int) -> Graph:
    """Return a graph that runs that of a stage so often."""
    (given, handed) = (
        replace(type, shape=(runs, *type.shape)) for type in (stage.graph.input_type, stage.graph.output_type)
    )
    attributes = {"body": stage.graph, "output": "stacked", "reverse": False}
    node = Node("scan", {"x": "given"}, "handed", attributes)
    return Graph(("given",), ("handed",), (node,), {"given": given, "handed": handed}, name=stage.graph.name)
