"""ONNX's recurrent layers as scans: LSTM (Hochreiter and Schmidhuber, 1997), GRU (Cho et al., 2014) and plain RNN, both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgewright import lowering_cells
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Floats, Flow, ModelBuilder, Operation, plain, settled, stored_as
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.lowering_cells import Functions, Given, Product

ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu"}
SEQUENCE, LENGTHS, STATE, CELL_STATE, PEEPHOLES = 0, 4, 5, 6, 7  # inputs


@dataclass(frozen=True)
class Cell:
    """One direction's constants. w: [gates * hidden, features]; r: [gates * hidden, hidden]; wb, rb: [gates * hidden]."""

    hidden: int
    w: Floats
    r: Floats
    wb: Floats
    rb: Floats
    functions: Functions
    before_reset: bool


def _rnn_step(cell: Cell, given: Given) -> tuple[str, ...]:
    total = given.total(cell.wb + cell.rb)
    return (given.body.node(cell.functions.candidate, "next", x=total),)


def _lstm_step(cell: Cell, given: Given) -> tuple[str, ...]:
    total = given.total(cell.wb + cell.rb)
    return lowering_cells.lstm(given, total, ("input", "output", "forget", "candidate"))


def _gru_step(cell: Cell, given: Given) -> tuple[str, ...]:
    """Gates in the order update, reset, candidate; the reset gate opens the product of the state, or what is multiplied."""
    order, size = ("update", "reset", "candidate"), 2 * cell.hidden
    if cell.before_reset:
        summed, own = cell.rb.copy(), cell.rb.copy()
        summed[size:], own[:size] = 0, 0
        return (lowering_cells.gru(given, given.from_input(cell.wb + summed), given.from_state(own), order),)
    body, (state,) = given.body, given.states
    both = replace(given, from_input=_rows(given.from_input, 0, size), from_state=_rows(given.from_state, 0, size))
    update, reset = both.gates(both.total((cell.wb + cell.rb)[:size]), order[:2])
    fed = _rows(given.from_input, size)((cell.wb + cell.rb)[size:])
    past = replace(_rows(given.from_state, size), x=body.node("multiply", "past", a=reset, b=state))
    candidate = given.squashed(body.node("add", "candidate", a=fed, b=past()), "candidate")
    return (lowering_cells.mixed(body, update, state, candidate),)


def _rows(product: Product, start: int, stop: int | None = None) -> Product:
    """Return some rows of a product."""
    part = slice(start, stop)
    return replace(product, weight=product.weight[part], offset=product.offset[part])


Step = Callable[[Cell, Given], tuple[str, ...]]
_KINDS: dict[str, tuple[int, tuple[str, ...], Step]] = {
    "RNN": (1, ("tanh",), _rnn_step),
    "LSTM": (4, ("sigmoid", "tanh", "tanh"), _lstm_step),
    "GRU": (3, ("sigmoid", "tanh"), _gru_step),
}


def recurrent(builder: ModelBuilder, node: Operation) -> tuple[Flow, ...]:
    """LSTM, GRU and RNN over a sequence of fixed length: all states, and the last."""
    gates, defaults, step = _KINDS[node.op]
    x, batch_first = node.flow, bool(node.number("layout", 0))
    if len(x.shape) != 2 or x.batch_at != (0 if batch_first else 1):
        raise UnsupportedModel(
            f"it reads rows of shape {list(x.shape)} with the batch axis at {x.batch_at}; [steps, features] with the batch axis at "
            f"{0 if batch_first else 1} are compiled. Put a Transpose before it"
        )
    w, r = node.floats(1, "W"), node.floats(2, "R")
    hidden = int(node.number("hidden_size", r.shape[-1]))
    names = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
    direction = node.text("direction", "forward")
    if direction not in names:
        raise BadModelFile(f"its direction is {direction!r}")
    reverses = names[direction]
    count, steps = len(reverses), x.shape[0]
    if w.shape != (count, gates * hidden, x.shape[1]) or r.shape != (count, gates * hidden, hidden) or not hidden:
        raise BadModelFile(
            f"its weights {list(w.shape)} and {list(r.shape)} do not fit {hidden} states of {x.shape[1]} features"
        )
    bias = np.zeros((count, 2 * gates * hidden)) if node.at(3) is None else node.floats(3, "B")
    if bias.shape != (count, 2 * gates * hidden):
        raise BadModelFile(f"its biases have the shape {list(bias.shape)}")
    _check(node, steps)
    activations = _activations(node, defaults, count)
    straight = settled(builder, plain(builder, x))
    used = (*node.outputs, False, False)[:2]
    stacks, lasts = [], []
    for k, reverse in enumerate(reverses):
        half = gates * hidden
        cell = Cell(
            hidden, w[k], r[k], bias[k, :half], bias[k, half:], _functions(activations[k]),
            bool(node.number("linear_before_reset", 0)),
        )  # fmt: skip
        body = _body(cell, step, x.shape[1], [_start(node, index, k, hidden) for index in (STATE, CELL_STATE)])
        output = "stacked" if used[0] else "last"
        value = builder.node("scan", x=straight.value, attributes={"body": body, "output": output, "reverse": reverse})
        if used[0]:
            stacks.append(_reshaped(builder, value, (steps, 1, hidden)))
            place = {"axis": 0, "start": 0 if reverse else steps - 1, "length": 1}
            lasts.append(builder.node("slice", x=value, attributes=place) if used[1] else "")
        else:
            lasts.append(_reshaped(builder, value, (1, hidden)))
    whole = Flow(_joined(builder, stacks, 1) or lasts[0], (steps, count, hidden), batch_at=0 if batch_first else 2)
    last = Flow(
        _joined(builder, lasts, 0) if used[1] else whole.value, (count, hidden), batch_at=0 if batch_first else 1
    )
    return whole, last


def _reshaped(builder: ModelBuilder, value: str, shape: tuple[int, ...]) -> str:
    return stored_as(builder, Flow(value, builder.type(value).shape), shape)


def _joined(builder: ModelBuilder, values: list[str], axis: int) -> str:
    if not values:
        return ""
    return (
        values[0]
        if len(values) == 1
        else builder.node("concatenate", attributes={"axis": axis}, a=values[0], b=values[1])
    )


def _check(node: Operation, steps: int) -> None:
    """Raise UnsupportedModel for what is not compiled."""
    lengths = node.constant(LENGTHS, "sequence_lens")
    if lengths is not None and np.any(lengths != steps):
        raise UnsupportedModel(f"its sequence_lens differ from the {steps} steps; all rows must have the same length")
    if node.at(PEEPHOLES) is not None and np.any(node.floats(PEEPHOLES, "P")):
        raise UnsupportedModel("it has peephole weights (P). Train it without")
    if node.attributes.get("clip"):
        raise UnsupportedModel("it cuts its sums (clip). Export it without")
    if node.number("input_forget", 0):
        raise UnsupportedModel("it couples its input and forget gates (input_forget). Export it without")
    if any(node.outputs[2:]):
        raise UnsupportedModel("its last cell state (Y_c) is used; the states Y and Y_h are compiled")


def _activations(node: Operation, defaults: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    given = [entry.decode("utf-8", "replace").lower() for entry in node.attributes.get("activations", [])]
    given = given or list(defaults) * count
    if len(given) != len(defaults) * count or not all(entry in ACTIVATIONS for entry in given):
        raise UnsupportedModel(f"its activations are {', '.join(given)}; Sigmoid, Tanh and Relu are compiled")
    size = len(defaults)
    return [tuple(given[k * size : (k + 1) * size]) for k in range(count)]


def _start(node: Operation, index: int, direction: int, hidden: int) -> Floats | None:
    """Return the state that every row begins with, or None for zeros."""
    if node.at(index) is None or (index == CELL_STATE and node.op != "LSTM"):
        return None
    given = node.floats(index, "initial state")
    rows = given[:, direction] if node.number("layout", 0) else given[direction]
    if rows.ndim != 2 or rows.shape[1] != hidden or np.any(rows != rows[:1]):
        raise UnsupportedModel("its initial state must be a constant that is the same for every row")
    return rows[0] if np.any(rows) else None


def _functions(activations: tuple[str, ...]) -> Functions:
    """Return the operators of a layer: the candidate's alone, with the gates' before it, and what an LSTM shows behind it."""
    if len(activations) == 1:
        return Functions(candidate=activations[0])
    return Functions(*activations)


def _body(cell: Cell, step: Step, features: int, starts: list[Floats | None]) -> Graph:
    """Return the graph of one step."""
    body = Builder("cell")
    x = body.input("step", Type((features,)))
    names = ("state", "memory")[: 2 if step is _lstm_step else 1]
    states = tuple(body.state(name, Type((cell.hidden,))) for name in names)
    none = np.zeros(len(cell.w))
    products = Product(body, "w", x, cell.w, none), Product(body, "r", states[0], cell.r, none)
    following = step(cell, Given(body, *products, states, cell.functions, {}, steps=1))
    for state, successor in zip(states, following, strict=True):
        body.carry(state, successor)
    graph = body.finish(following[0])
    named = zip(names, starts, strict=False)
    begun = {name: start.astype(np.float32) for name, start in named if start is not None}
    return replace(graph, constants={**graph.constants, **begun})
