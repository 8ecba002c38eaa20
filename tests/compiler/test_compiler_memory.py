"""The memory plan: values that are alive together share memory only as kernels allow, which a run of the plan itself shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from small_graphs import add, float_graphs, integers, node, plain, recurrent, rows_for, running_sum, scanned

from edgewright import ops
from edgewright.compiler.memory import Plan, plan_memory
from edgewright.compiler.pipeline import to_integers
from edgewright.ir import Graph, Node

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
        assert block.size == graph.types[home].size
        return owners[block.dtype][start : start + block.size], path + home

    def home_of(value: str) -> str:
        return plan.homes.get(value, value)

    def write(value: str) -> None:
        if found := place(value):
            found[0][:] = found[1]

    def read(value: str) -> None:
        if found := place(value):
            assert set(found[0]) == {found[1]}, f"{path}{value} was overwritten"

    for current in graph.nodes:
        for value in current.inputs.values():
            read(value)
        if current.body:
            body, inner = current.body, plan.bodies[current.output]
            offsets = {
                block.dtype: base.get(block.dtype, 0) + block.offset
                for block in plan.blocks
                if block.value == f"{current.output}/{block.dtype}"
            }
            write(current.output)  # stacked outputs are written while the body runs
            run_body(body, inner, owners, offsets, f"{path}{current.output}/")
            for value in (*current.inputs.values(), current.output):
                read(value)
        elif ops.get(current.op).alias is None and not (current.op == "windows" and current.output in plan.homes):
            leave = allowed_over(graph, current, plan)
            write(current.output)
            for value in {plan.homes.get(value, value) for value in current.inputs.values()}:
                if (
                    value in leave
                    and plan.block(value).offset - plan.block(home_of(current.output)).offset >= leave[value]
                ):
                    continue
                read(value)  # an operator reads while it writes
    for value in graph.outputs:
        read(value)


def allowed_over(graph: Graph, current: Node, plan: Plan) -> dict[str, int]:
    """What the output of a node may lie over, by where it lives, as the kernel says: how much earlier it must begin then."""
    made = plan.homes.get(current.output, current.output)
    placed = {block.value: block.dtype for block in plan.blocks}
    kernel = ops.kernel_of(graph, current)
    said = kernel.overlap(graph.types_of(current), current.attributes) if kernel.overlap else {}
    ports: dict[str, list[int | None]] = {}
    for port, value in current.inputs.items():
        ports.setdefault(plan.homes.get(value, value), []).append(said.get(port))
    return {
        home: max(many)
        for home, many in ports.items()
        if made in placed and placed.get(home) == placed[made] and None not in many
    }


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


def distance(x: str, y: str) -> Node:
    """A node whose kernel lets nothing lie over its input."""
    return node("squared_distance", y, x=x, prototypes="p")


def chain_of(step: Callable[[str, str], Node]) -> Graph:
    types = {**dict.fromkeys("xabcdy", integers(8)), "p": integers(8, 8, dtype="int8")}
    constants = {"p": np.zeros((8, 8), "int8")}
    return plain([step(*pair) for pair in ("xa", "ab", "bc", "cd", "dy")], ("y",), types, constants=constants)


def test_values_that_are_not_alive_together_share_memory() -> None:
    plan = check(chain_of(distance))
    assert plan.arena_bytes == plan.lower_bound_bytes == 2 * 8 * 2


def test_an_operator_that_may_writes_over_its_input() -> None:
    plan = check(chain_of(lambda x, y: add(x, x, y)))
    assert plan.arena_bytes == plan.lower_bound_bytes == 8 * 2


def test_a_value_that_is_read_later_is_not_written_over() -> None:
    types = dict.fromkeys("xaby", integers(8))
    plan = check(plain([add("x", "x", "a"), add("a", "a", "b"), add("a", "b", "y")], ("y",), types))
    assert plan.arena_bytes == 2 * 8 * 2


def test_a_single_entry_that_is_read_to_the_end_is_not_written_over() -> None:
    types = {**dict.fromkeys("xaby", integers(8)), "one": integers(1)}
    once = node("slice", "one", x="a", attributes={"axis": 0, "start": 0, "length": 1})
    steps = [add("x", "x", "a"), once, node("add", "b", a="a", b="one"), add("b", "b", "y")]
    assert check(plain(steps, ("y",), types)).arena_bytes == 2 * 9


def twice(*ports: str) -> Graph:
    """A graph that reads a value through two ports."""
    types = {"x": integers(8), "a": integers(8), "b": integers(16), "y": integers(16)}
    both = node("concatenate", "b", attributes={"axis": 0}, **dict.fromkeys(ports, "a"))
    return plain([add("x", "x", "a"), both, add("b", "b", "y")], ("y",), types)


@pytest.mark.parametrize("ports", ["ab", "ba"])
def test_a_value_that_two_ports_read_is_written_over_as_both_allow(ports: str) -> None:
    plan = check(twice(*ports))
    assert plan.block("a").offset - plan.block("b").offset == 8
    assert plan.arena_bytes == 2 * 16


def test_a_value_that_is_also_read_through_a_port_without_leave_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel_of = ops.kernel_of
    monkeypatch.setattr(
        ops, "kernel_of", lambda *of: replace(kernel_of(*of), overlap=lambda types, attributes: {"a": 0})
    )
    assert check(twice("a", "b")).arena_bytes == 2 * 24


def test_states_are_not_written_over() -> None:
    body = running_sum(width=4)
    assert {block.value for block in plan_memory(scanned(body)).bodies["y"].blocks} == {"h", "sum"}
    assert plan_memory(scanned(body)).bodies["y"].sharing == ()


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


def test_element_types_count_apart() -> None:
    types = {"x": integers(8), "a": integers(9, dtype="int8"), "b": integers(8), "y": integers(8)}
    types["a"] = integers(8, dtype="int8")
    plan = check(
        plain(
            [add("x", "x", "a"), add("a", "a", "b"), distance("b", "c"), add("c", "c", "y")],
            ("y",),
            {**types, "c": integers(8), "p": integers(8, 8, dtype="int8")},
            constants={"p": np.zeros((8, 8), "int8")},
        )
    )
    assert dict(plan.least) == dict(plan.sizes) == {"int8": 8, "int16": 16}
    assert plan.lower_bound_bytes == 8 + 2 * 16  # though they are never alive together


def test_the_certificate_says_how_good_the_plan_is() -> None:
    plan = check(chain_of(distance))
    assert plan.certificate == "optimal: equals the lower bound"
    assert replace(plan, least={"int16": 15}).certificate == "optimal: proven by milp"
    assert replace(plan, least={"int16": 15}, proven=False).certificate == "best found; lower bound 30"
