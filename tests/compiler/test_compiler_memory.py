"""The memory plan: values that are alive together never share memory, which a run of the plan itself shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import given, settings
from small_graphs import add, float_graphs, integers, node, plain, recurrent, rows_for, running_sum, scanned

from edgewright import ops
from edgewright.compiler.memory import Plan, plan_memory
from edgewright.compiler.pipeline import to_integers
from edgewright.ir import Graph

Owners = dict[str, np.ndarray]


def run_plan(graph: Graph, plan: Plan, owners: Owners, base: Mapping[str, int], path: str) -> None:
    """Run a graph over memory that knows whose every entry is: a value that is read must still be there."""

    def place(value: str) -> tuple[np.ndarray, str] | None:
        home = plan.homes.get(value, value)
        block = next((block for block in plan.blocks if block.value == home), None)
        if block is None:
            return None  # it lives outside, or is a constant
        start = base.get(block.dtype, 0) + block.offset
        assert block.offset + block.size <= plan.sizes[block.dtype]
        assert block.size == graph.types[value].size
        return owners[block.dtype][start : start + block.size], path + home

    def write(value: str) -> None:
        if found := place(value):
            found[0][:] = found[1]

    def read(value: str) -> None:
        if found := place(value):
            assert set(found[0]) == {found[1]}, f"{path}{value} was overwritten"

    for current in graph.nodes:
        for value in current.inputs.values():
            read(value)
        if current.op == "scan":
            body, inner = current.attributes["body"], plan.bodies[current.output]
            offsets = {
                block.dtype: base.get(block.dtype, 0) + block.offset
                for block in plan.blocks
                if block.value == f"{current.output}/{block.dtype}"
            }
            write(current.output)  # stacked outputs are written while the body runs
            run_body(body, inner, owners, offsets, f"{path}{current.output}/")
            for value in (*current.inputs.values(), current.output):
                read(value)
        elif ops.get(current.op).alias is None:
            write(current.output)
            for value in current.inputs.values():
                read(value)  # an operator reads while it writes
    for value in graph.outputs:
        read(value)


def run_body(body: Graph, plan: Plan, owners: Owners, base: Mapping[str, int], path: str) -> None:
    for state in body.state:
        block = plan.block(state)
        start = base[block.dtype] + block.offset
        owners[block.dtype][start : start + block.size] = path + state
    for _ in range(2):
        run_plan(body, plan, owners, base, path)
        for state, successor in body.state.items():
            home, block = plan.homes.get(successor, successor), plan.block(state)
            start = base[block.dtype] + block.offset
            assert set(owners[block.dtype][start : start + block.size]) == {path + state}
            if any(other.value == home for other in plan.blocks):
                other = plan.block(home)
                begin = base[other.dtype] + other.offset
                assert set(owners[other.dtype][begin : begin + other.size]) == {path + home}


def check(graph: Graph) -> Plan:
    plan = plan_memory(graph)
    owners = {dtype: np.full(size, "nobody", object) for dtype, size in plan.sizes.items()}
    run_plan(graph, plan, owners, {}, "")
    assert plan.lower_bound_bytes <= plan.arena_bytes
    return plan


@given(graph=float_graphs())
@settings(max_examples=80)
def test_values_that_are_alive_together_share_nothing(graph: Graph) -> None:
    check(to_integers(graph, rows_for(graph, 20)))


def test_values_that_are_not_alive_together_share_memory() -> None:
    types = dict.fromkeys("xabcdy", integers(8))
    chain = plain([add(a, a, b) for a, b in ("xa", "ab", "bc", "cd", "dy")], ("y",), types)
    plan = check(chain)
    assert plan.arena_bytes == plan.lower_bound_bytes == 2 * 8 * 2


def test_dtypes_do_not_share_memory() -> None:
    types = {"x": integers(8), "a": integers(8, dtype="int8"), "b": integers(8), "y": integers(8)}
    plan = check(plain([add("x", "x", "a"), add("a", "a", "b"), add("b", "b", "y")], ("y",), types))
    assert dict(plan.sizes) == {"int8": 8, "int16": 8}


def test_inputs_outputs_and_constants_need_nothing() -> None:
    plan = check(plain([add("x", "x", "y")], ("y",), dict.fromkeys("xy", integers(8))))
    assert (plan.arena_bytes, plan.lower_bound_bytes, plan.blocks) == (0, 0, ())


def test_an_alias_needs_nothing() -> None:
    types = {"x": integers(8), "a": integers(8), "b": integers(2, 4), "c": integers(8), "y": integers(8)}
    reshaped = [
        node("reshape", "b", x="a", attributes={"shape": (2, 4)}),
        node("reshape", "c", x="b", attributes={"shape": (8,)}),
    ]
    plan = check(plain([add("x", "x", "a"), *reshaped, add("c", "x", "y")], ("y",), types))
    assert [block.value for block in plan.blocks] == ["a"]
    assert plan.homes == {"b": "a", "c": "a"}
    # Read once more after another value was made: still there
    longer = [add("x", "x", "a"), reshaped[0], add("x", "x", "d"), reshaped[1], add("c", "d", "y")]
    check(plain(longer, ("y",), {**types, "d": integers(8)}))


def test_a_value_that_only_becomes_an_output_lives_there() -> None:
    types = {"x": integers(8), "a": integers(8), "y": integers(2, 4)}
    alias = node("reshape", "y", x="a", attributes={"shape": (2, 4)})
    assert check(plain([add("x", "x", "a"), alias], ("y",), types)).blocks == ()


def test_a_state_keeps_its_place_through_all_steps() -> None:
    graph = recurrent()
    plan = check(to_integers(graph, rows_for(graph)))
    state = plan.bodies["loop"].block("h")
    assert (state.first, state.last) == (-1, 4)


def test_nested_bodies_count_once_and_in_full() -> None:
    inner = scanned(running_sum(width=4), steps=2)
    plan = check(scanned(inner, steps=3))
    # of the innermost body: its state and its sum; of the middle one: its output
    assert plan.lower_bound_bytes == plan.arena_bytes == 2 * (4 + 4 + 4)
