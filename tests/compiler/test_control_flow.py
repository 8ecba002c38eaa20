"""Loops that end early, branches and windows, from the float graph to the C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from random_sequences import dense, sequence_graphs
from small_graphs import integers, node, plain, rows_for, running_sum, scanned
from test_compiler_memory import check

from edgewright import boards, engines
from edgewright.compiler.emit import emit
from edgewright.compiler.memory import plan_memory
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.program import Entry, Layer
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import Settings
from edgewright.compiler.statements import ModelSource
from edgewright.engines import Run
from edgewright.engines.layers import instructions_by_layer
from edgewright.errors import BadGraph
from edgewright.ir import Graph, Type, load, save
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import value_quality

Host = Callable[..., list[Array]]
STEPS, FEATURES, CLASSES = 6, 3, 3


def window_body(threshold: float | None) -> Graph:
    """A float body that makes scores of a window by a recurrent cell, and stops where they are clear."""
    generator = np.random.default_rng(3)
    cell = Builder("cell")
    given, state = cell.input("given", Type((FEATURES,))), cell.state("state", Type((4,)))
    both = cell.node("add", a=dense(cell, given, 4, generator), b=dense(cell, state, 4, generator))
    following = cell.node("tanh", x=both)
    cell.carry(state, following)
    scores = dense(cell, following, CLASSES, generator)
    attributes: dict[str, Any] = {"output": "last"}
    if threshold is not None:
        cell.node("is_confident", "sure", x=scores, attributes={"threshold": threshold})
        attributes["until"] = "sure"
    body = Builder("window")
    window = body.input("window", Type((STEPS, FEATURES)))
    return body.finish(body.node("scan", "steps", x=window, attributes={**attributes, "body": cell.finish(scores)}))


def many_instances(threshold: float | None = 0.5, steps: int = 20) -> Graph:
    """A float graph as early, multiple-instance prediction has it: windows, scores each, sums of consecutive ones, the best."""
    builder = Builder("instances")
    x = builder.input("x", Type((steps, FEATURES)))
    windows = builder.node("windows", "windows", x=x, attributes={"size": STEPS, "stride": 2})
    attributes = {"body": window_body(threshold), "output": "stacked"}
    scores = builder.node("scan", "scores", x=windows, attributes=attributes)
    pairs = builder.node("windows", "pairs", x=scores, attributes={"size": 2, "stride": 1})
    sums = builder.node("reduce_sum", "sums", x=pairs, attributes={"axis": 1})
    return builder.finish(builder.node("reduce_max", "best", x=sums, attributes={"axis": 0}))


def cascade(*, constant: bool = False, chooses: bool = False) -> Graph:
    """A float graph of two tiers: the second runs where the first says so, and reads the whole sequence again.

    constant: whether the answer is a constant where it does not. chooses: whether the second ends in an operator with its own type.
    """
    generator = np.random.default_rng(5)
    builder = Builder("cascade")
    x = builder.input("x", Type((STEPS, FEATURES)))
    first = builder.node("scan", "first", x=x, attributes={"body": window_body(None).nodes[0].body, "output": "last"})
    attributes: dict[str, Any] = {"threshold": 0.0, "entry": 1}
    target = builder.node("is_confident", "target", x=first, attributes=attributes)
    body = Builder("second")
    again = body.input("again", Type((STEPS, FEATURES)))
    kinds = body.node("scan", "kinds", x=again, attributes={"body": window_body(None).nodes[0].body, "output": "last"})
    kinds = dense(body, kinds, CLASSES, generator)
    if chooses:
        kinds = body.node(
            "reduce_max", x=body.node("reshape", x=kinds, attributes={"shape": (1, CLASSES)}), attributes={"axis": 0}
        )
    otherwise = builder.constant("none", [-8.0, 0.0, 1.0]) if constant else first
    attributes = {"body": body.finish(kinds)}
    return builder.finish(
        builder.node("when", "answer", condition=target, x=x, otherwise=otherwise, attributes=attributes)
    )


def quantised(graph: Graph, **settings: Any) -> tuple[Graph, Array]:
    rows = rows_for(graph)
    integers = to_integers(graph, rows, Settings(**settings))
    return integers, quantise_array(rows, integers.input_type)


@pytest.mark.parametrize("activation", ["int8", "int16"])
@pytest.mark.parametrize("graph", [many_instances(), cascade(), cascade(constant=True), cascade(chooses=True)])
def test_the_c_of_conditions_equals_the_twin_and_follows_the_real_numbers(
    graph: Graph, activation: str, host: Host
) -> None:
    made, x = quantised(graph, activation=activation, bias_correction=False)
    twin = run_integer(made, x)
    np.testing.assert_array_equal(host(made, x)[0], twin)
    real, ours = run_float(graph, rows_for(graph)), dequantise_array(twin, made.output_type)
    same = np.abs(real - ours).max(axis=1) < 0.2  # a condition may turn out otherwise
    assert same.mean() > 0.9
    assert value_quality(graph, made, rows_for(graph))


def test_branches_and_loops_that_end_early_are_saved(tmp_path: Path) -> None:
    for graph in (many_instances(), cascade(constant=True), quantised(cascade())[0]):
        save(graph, tmp_path / "graph")
        assert load(tmp_path / "graph").hash == graph.hash


@pytest.mark.parametrize("constant", [False, True])
def test_both_ways_of_a_branch_share_one_type(constant: bool) -> None:
    made, _ = quantised(cascade(constant=constant), activation="int8", scales="any")
    (branch,) = (node for node in made.nodes if node.op == "when")
    types = made.types_of(branch)
    assert branch.body
    assert types["y"] == types["otherwise"]
    assert replace(branch.body.output_type, limits=types["y"].limits) == types["y"]
    assert types["condition"].dtype == "bool"
    low, _ = dequantise_array(np.array(types["y"].range), types["y"])
    assert not constant or low <= -8.0
    assert made.hash == to_integers(made, None).hash


def test_both_ways_of_a_branch_are_taken() -> None:
    rows = rows_for(cascade())
    seen: dict[str, Array] = {}
    answer = run_float(cascade(), rows, lambda _, path, array: seen.update({path: array}))
    taken = seen["target"][:, 0] == 1
    assert 0 < taken.sum() < len(rows)
    np.testing.assert_array_equal(answer[~taken], seen["first"][~taken])
    assert (answer[taken] != seen["first"][taken]).all()


def test_windows_keep_one_scale_a_feature(host: Host) -> None:
    generator = np.random.default_rng(1)
    cell = Builder("cell")
    given, state = cell.input("given", Type((FEATURES,))), cell.state("state", Type((FEATURES,)))
    scale, offset = cell.constant("scale", [0.01, 1.0, 100.0]), cell.constant("offset", [0.1, 0.2, 0.3])
    plain_units = cell.node("affine", x=given, scale=scale, offset=offset)
    following = cell.node("tanh", x=cell.node("add", a=plain_units, b=dense(cell, state, FEATURES, generator)))
    cell.carry(state, following)
    body = Builder("window")
    window = body.input("window", Type((4, FEATURES)))
    attributes = {"body": cell.finish(following), "output": "last"}
    window_graph = body.finish(body.node("scan", x=window, attributes=attributes))
    builder = Builder("features")
    windows = builder.node("windows", x=builder.input("x", Type((9, FEATURES))), attributes={"size": 4, "stride": 2})
    graph = builder.finish(builder.node("scan", x=windows, attributes={"body": window_graph, "output": "stacked"}))
    rows = rows_for(graph) * [100.0, 1.0, 0.01]
    made = to_integers(graph, rows, Settings())
    assert (made.input_type.axis, made.types["windows"].axis) == (1, 2)
    x = quantise_array(rows, made.input_type)
    twin = run_integer(made, x)
    np.testing.assert_array_equal(host(made, x)[0], twin)
    assert np.abs(dequantise_array(twin, made.output_type) - run_float(graph, rows)).max() < 0.01


def test_scores_of_rows_that_left_a_loop_do_not_count_in_calibration() -> None:
    x = np.zeros((4, STEPS, FEATURES))
    x[:, 0] = 1.0
    x[:, 1:] = 100.0
    graph = window_body(0.0)  # every row leaves after the first step
    made = quantise(graph, x + np.arange(4).reshape(4, 1, 1) / 8, Settings(activation="int8"))
    body = made.nodes[0].body
    assert body
    assert float(body.output_type.scales) * 128 < 8


def test_windows_that_only_scans_read_need_no_memory(host: Host) -> None:
    body = scanned(running_sum(width=1), steps=400)
    types = {"x": integers(16000, 1), "w": integers(196, 400, 1), "y": integers(196, 1)}
    windows = node("windows", "w", x="x", attributes={"size": 400, "stride": 80})
    graph = plain([windows, node("scan", "y", x="w", attributes={"body": body, "output": "stacked"})], ("y",), types)
    plan = check(graph)
    assert "w" not in {block.value for block in plan.blocks}
    assert plan.arena_bytes == 2 * 3  # a state, its sum, what a window makes
    x = np.random.default_rng(0).integers(-9, 9, (2, 16000, 1))  # 78,400 entries of windows: more than a kernel counts
    np.testing.assert_array_equal(host(graph, x)[0], run_integer(graph, x))


def test_windows_that_another_operator_reads_too_are_copied() -> None:
    body = scanned(running_sum(width=1), steps=4)
    types = {"x": integers(8, 1), "w": integers(3, 4, 1), "s": integers(3, 1), "y": integers(12), "z": integers(12)}
    nodes = [
        node("windows", "w", x="x", attributes={"size": 4, "stride": 2}),
        node("scan", "s", x="w", attributes={"body": body, "output": "stacked"}),
        node("reshape", "y", x="w", attributes={"shape": (12,)}),
        node("add", "z", a="y", b="y"),
    ]
    plan = check(plain(nodes, ("z", "s"), types))
    assert plan.block("w").size == 12
    whole = plain(nodes[:1], ("w",), {name: types[name] for name in "xw"})
    assert "windows_i16" in emit({"m": whole}).files["m.c"]  # an output is copied as well


def test_a_window_that_is_read_stays_until_it_was() -> None:
    types = {"x": integers(8, 1), "a": integers(8, 1), "w": integers(3, 4, 1), "b": integers(8, 1), "s": integers(3, 1)}
    body = scanned(running_sum(width=1), steps=4)
    nodes = [
        node("add", "a", a="x", b="x"),
        node("windows", "w", x="a", attributes={"size": 4, "stride": 2}),
        node("add", "b", a="x", b="x"),
        node("scan", "s", x="w", attributes={"body": body, "output": "stacked"}),
    ]
    plan = check(plain(nodes, ("b", "s"), types))
    assert (plan.homes["w"], plan.block("a").last) == ("a", 3)


def test_a_condition_that_ends_a_loop_lasts_to_the_end_of_the_step() -> None:
    made, _ = quantised(many_instances())
    scores = next(node for node in made.nodes if node.op == "scan")
    assert scores.body
    loop = scores.body.nodes[0]
    assert loop.body
    plan = plan_memory(made).bodies["scores"].bodies["steps"]
    assert plan.block("sure").last == len(loop.body.nodes)


@given(graph=sequence_graphs())
@settings(max_examples=25)
def test_values_of_loops_and_branches_share_nothing_while_they_are_alive(graph: Graph) -> None:
    check(to_integers(graph, rows_for(graph, 10), Settings(activation="int8", zero_points=False)))


def counted(graph: Graph, x: Array, board: str = "microbit") -> Run:
    engine = engines.get(boards.get(board).engine)
    if reason := engine.why_not(boards.get(board)):
        pytest.skip(reason)
    program = emit({"m": graph})
    run = engine.run(engine.build(program, board), "m", engines.pack_inputs(program.entries[0], [x]))
    (outputs,) = engines.unpack_outputs(program.entries[0], run.outputs)
    np.testing.assert_array_equal(outputs, run_integer(graph, x))
    return run


@pytest.mark.slow
def test_who_leaves_a_loop_early_saves_instructions() -> None:
    early, x = quantised(many_instances(0.0), bias_correction=False)
    never, _ = quantised(many_instances(1e6), bias_correction=False)
    few, all_ = counted(early, x[:3]).instructions, counted(never, x[:3]).instructions
    assert few is not None
    assert all_ is not None
    assert (few < all_ / 3).all()  # one step of six


@pytest.mark.slow
def test_a_branch_that_is_not_taken_costs_nothing() -> None:
    made, x = quantised(cascade(), bias_correction=False)
    seen: dict[str, Array] = {}
    run_integer(made, x, lambda _, path, array: seen.update({path: array}))
    taken = seen["target"][:20, 0] == 1
    instructions = counted(made, x[:20]).instructions
    assert instructions is not None
    assert 0 < taken.sum() < 20
    assert instructions[~taken].max() < 0.7 * instructions[taken].min()


def test_a_branch_that_was_never_taken_is_still_told_apart() -> None:
    layers = (Layer("a", 1, 0, ()), Layer("branch", 3, 0, (), conditional=3), Layer("b", 1, 0, ()))
    entry = replace(Entry("m", (), (), 0, {}, (), "0" * 8), layers=layers)
    nothing = np.zeros((0, 4), np.uint8)
    assert instructions_by_layer(entry, Run(nothing, by_call=(("x", 3), ("y", 5))), 1) == {"a": 3, "branch": 0, "b": 5}
    calls = tuple(zip("xpqry", (1, 2, 4, 8, 16), strict=True))
    assert instructions_by_layer(entry, Run(nothing, by_call=calls), 1) == {"a": 1, "branch": 14, "b": 16}
    assert instructions_by_layer(entry, Run(nothing, by_call=calls[:1]), 1) is None


def test_layers_say_what_repeats_and_what_depends() -> None:
    made, _ = quantised(cascade())
    (entry,) = emit({"m": made}).entries
    layers = {layer.node: layer for layer in entry.layers}
    assert layers["first"].calls == layers["first"].repeated > 0
    assert 0 < layers["answer"].conditional < layers["answer"].calls
    assert layers["answer"].conditional + layers["answer"].repeated == layers["answer"].calls


def test_places_of_values_can_be_given() -> None:
    graph = running_sum([1, 2])
    source = ModelSource("m", set(), frozenset())
    frame = source.frame(graph, {"s": "in", "h": "state->h"})
    assert [line.strip() for line in source.start(frame, 1)] == ["ew_copy_i16(m_h, state->h, 2);"]
    (call,) = source.statements(frame)
    assert "add_i16_i16_i16(in, state->h, m_arena_i16," in call
    assert [line.strip() for line in source.give(frame, "sum", "out")] == ["ew_copy_i16(m_arena_i16, out, 2);"]
    assert [line.strip() for line in source.carry(frame)] == ["ew_copy_i16(m_arena_i16, state->h, 2);"]
    assert source.arenas == {"i16": ("int16_t", 2)}
    with pytest.raises(BadGraph, match="put it into a scan"):
        source.frame(graph, {"s": "in"})
