"""A stream gives what the graph of the whole sequence gives, bit for bit, from stages that depend on its structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_graphs import recurrent, rows_for
from stream_graphs import STRUCTURES, sequence

from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.stream import to_stream
from edgewright.errors import BadData, BadGraph, BadInput
from edgewright.ir import to_text
from edgewright.ir.stream import Stage, Stream, to_text_of_stream
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.stream import run_stream

# size, stride, every, anew of each stage, for answers that do not overlap
STAGES = {
    "last": [(1, 1, 5, 5), (1, 1, 1, 1)],
    "deep": [(1, 1, 1, 5), (1, 1, 5, 5), (1, 1, 1, 1)],
    "reverse": [(5, 5, 1, 1)],
    "both": [(5, 5, 1, 1)],
    "map": [(1, 1, 1, 1), (1, 1, 4, 4), (1, 1, 1, 1)],
    "frames": [(3, 2, 1, 1), (1, 1, 3, 3), (1, 1, 1, 1)],
    "bricks": [(1, 1, 2, 2), (1, 1, 4, 4), (1, 1, 1, 1)],
    "bricks_and_more": [(1, 1, 2, 2), (1, 1, 4, 4), (1, 1, 1, 1)],
    "raw": [(4, 2, 1, 1), (1, 1, 4, 4), (1, 1, 1, 1)],
    "between": [(1, 1, 1, 1)] * 3 + [(1, 1, 4, 4), (1, 1, 1, 1)],
    "apart": [(1, 3, 1, 1), (1, 1, 3, 3), (1, 1, 1, 1)],
    "carried_windows": [(2, 1, 5, 5), (1, 1, 1, 1)],
    "until": [(2, 2, 4, 4), (1, 1, 1, 1)],
    "bricks_in_frames": [(1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 1, 1)],
}
# How often an answer can come where what the windows give is shared
HOPS = {"frames": 2, "raw": 2, "bricks": 2, "bricks_and_more": 2, "apart": 3, "bricks_in_frames": 4}


def samples(stream: Stream, count: int, seed: int = 1) -> Array:
    low, high = stream.sample_type.range
    return np.random.default_rng(seed).integers(low, high + 1, (count, *stream.sample_type.shape))


def numbers(stream: Stream) -> list[tuple[int, ...]]:
    return [(stage.size, stage.stride, stage.every, stage.anew) for stage in stream.stages]


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("times", [None, 1, 2, 5, 9])
def test_answers_are_those_of_the_whole_sequence(name: str, times: int | None) -> None:
    graph = sequence(name)
    every = None if times is None else times * HOPS.get(name, 1)
    stream = to_stream(graph, every)
    steps = graph.input_type.shape[0]
    assert (stream.window, stream.every) == (steps, every or steps)
    given = samples(stream, 4 * max(steps, stream.every) + 3)
    ready, answers = run_stream(stream, given)
    count = stream.windows(len(given))
    begins = np.arange(count) * stream.every
    whole = run_integer(graph, np.stack([given[begin : begin + steps] for begin in begins]))
    assert np.array_equal(answers[:count], whole)
    places = np.flatnonzero(ready)
    assert len(places) == len(answers)
    assert len(answers) - count in (0, 1)
    if stream.exits_early:
        assert (places[:count] < begins + stream.first).all()
        assert (places[:count] < begins + stream.first - 1).any()
    else:
        assert np.array_equal(places, stream.first - 1 + np.arange(len(answers)) * stream.every)


@pytest.mark.parametrize("name", STRUCTURES)
def test_stages_follow_the_structure(name: str) -> None:
    stream = to_stream(sequence(name))
    assert numbers(stream) == STAGES[name]
    assert [stage.until for stage in stream.stages if stage.until] == (["sure"] if name == "until" else [])
    assert stream.labels == ("a", "b", "c")


def test_what_overlapping_answers_share_is_computed_once() -> None:
    assert numbers(to_stream(sequence("map"), 1)) == [(1, 1, 1, 1), (4, 1, 1, 1)]
    assert numbers(to_stream(sequence("frames"), 2)) == [(3, 2, 1, 1), (3, 1, 1, 1)]
    assert numbers(to_stream(sequence("bricks"), 4)) == [(1, 1, 2, 2), (4, 2, 1, 1)]
    assert numbers(to_stream(sequence("bricks_in_frames"), 4)) == [(1, 1, 2, 2), (1, 1, 2, 2), (2, 1, 1, 1)]
    assert numbers(to_stream(sequence("deep"), 2)) == [(5, 2, 1, 1)]
    with pytest.raises(BadInput, match=r"every 3 samples.*move on by 2;.*2 or 4"):
        to_stream(sequence("bricks"), 3)
    with pytest.raises(BadInput, match=r"every 2 samples.*move on by 4;.* 4\."):
        to_stream(sequence("bricks_in_frames"), 2)


def test_samples_that_no_window_reads_are_not_waited_for() -> None:
    stream = to_stream(sequence("frames"))
    assert (stream.first, stream.every, stream.begins_anew) == (7, 8, True)
    aligned = to_stream(sequence("bricks"))
    assert (aligned.first, aligned.every, aligned.begins_anew) == (8, 8, False)


def test_a_stream_has_a_text_and_a_name_of_its_integers() -> None:
    graph = sequence("bricks")
    stream = to_stream(graph)
    text = to_text_of_stream(stream)
    assert "an answer every 8 samples, the first after 8" in text
    assert to_text(stream.stages[1].graph, "  ") in text
    assert stream.hash == to_stream(replace(graph, name="other")).hash
    assert stream.hash not in (to_stream(graph, 4).hash, to_stream(sequence("last")).hash)


def test_samples_that_do_not_fit_are_refused() -> None:
    stream = to_stream(sequence("last"))
    with pytest.raises(BadData, match=r"samples \[n, 3\], not \[6, 2\]"):
        run_stream(stream, np.zeros((6, 2), np.int16))
    with pytest.raises(BadData, match="outside"):
        run_stream(stream, np.full((6, 3), 2**17))
    ready, answers = run_stream(stream, np.zeros((4, 3), np.int16))
    assert (ready.sum(), answers.shape) == (0, (0, 3))


def test_what_is_no_sequence_cannot_be_streamed() -> None:
    with pytest.raises(BadGraph, match="not quantised"):
        to_stream(recurrent())
    graph = sequence("last")
    with pytest.raises(BadInput, match="every 0 samples"):
        to_stream(graph, 0)
    alone = recurrent(steps=1)
    with pytest.raises(BadGraph, match="2 steps or more"):
        to_stream(to_integers(alone, rows_for(alone)))


def test_stages_that_do_not_fit_are_refused() -> None:
    stream = to_stream(sequence("last"))
    first, second = stream.stages
    with pytest.raises(BadGraph, match="Stage 1 of 'last' takes"):
        replace(stream, stages=(second, first))
    with pytest.raises(BadGraph, match="not every 4"):
        replace(stream, every=4)
    with pytest.raises(BadGraph, match="every 2, anew 5"):
        replace(stream, stages=(replace(first, every=2), second))
    with pytest.raises(BadGraph, match="collects 4 elements"):
        replace(stream, stages=(Stage(first.graph, 4, 4),))
