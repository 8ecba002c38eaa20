"""ONNX's recurrent layers as scans: LSTM (Hochreiter and Schmidhuber, 1997), GRU (Cho et al., 2014) and plain RNN, both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Floats, Flow, ModelBuilder, Operation, plain, settled, stored_as
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

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
    activations: tuple[str, ...]
    before_reset: bool

    def sum(self, body: Builder, step: str, state: str) -> str:
        """Append the sum of both products with both biases, for all gates."""
        return body.node(
            "add", "total", a=self.product(body, "w", step, self.wb + self.rb), b=self.product(body, "r", state)
        )

    def product(self, body: Builder, matrix: str, x: str, bias: Floats | None = None) -> str:
        """Append the product with a matrix."""
        weights = self.w if matrix == "w" else self.r
        bias = np.zeros(len(weights)) if bias is None else bias
        return body.node(
            "dense",
            matrix + ".product",
            x=x,
            w=body.constant(matrix, weights),
            bias=body.constant(matrix + ".bias", bias),
        )

    def gate(self, body: Builder, total: str, number: int, name: str) -> str:
        """Append the part of one gate."""
        attributes = {"axis": 0, "start": number * self.hidden, "length": self.hidden}
        return body.node("slice", name, x=total, attributes=attributes)


def _rnn_step(cell: Cell, body: Builder, step: str, state: str) -> None:
    body.carry(state, body.node(cell.activations[0], "next", x=cell.sum(body, step, state)))


def _lstm_step(cell: Cell, body: Builder, step: str, state: str) -> None:
    """Gates in the order input, output, forget, cell."""
    memory = body.state("memory", Type((cell.hidden,)))
    total = cell.sum(body, step, state)
    squash, candidate, out = cell.activations
    gates = [
        body.node(op, f"{name}.open", x=cell.gate(body, total, number, name))
        for number, (name, op) in enumerate(
            (("input", squash), ("output", squash), ("forget", squash), ("candidate", candidate))
        )
    ]
    kept = body.node("multiply", "kept", a=gates[2], b=memory)
    new = body.node("multiply", "new", a=gates[0], b=gates[3])
    after = body.node("add", "memory.next", a=kept, b=new)
    body.carry(memory, after)
    body.carry(state, body.node("multiply", "next", a=gates[1], b=body.node(out, "shown", x=after)))


def _gru_step(cell: Cell, body: Builder, step: str, state: str) -> None:
    """Gates in the order update, reset, hidden: next = hidden + update * (state - hidden)."""
    squash, candidate = cell.activations
    size = 2 * cell.hidden
    both = replace(cell, w=cell.w[:size], r=cell.r[:size], wb=cell.wb[:size], rb=cell.rb[:size])
    own = replace(cell, w=cell.w[size:], r=cell.r[size:], wb=cell.wb[size:], rb=cell.rb[size:])
    total = both.sum(body, step, state)
    update = body.node(squash, "update.open", x=both.gate(body, total, 0, "update"))
    reset = body.node(squash, "reset.open", x=both.gate(body, total, 1, "reset"))
    if cell.before_reset:
        fed = own.product(body, "w", step, own.wb)
        past = body.node("multiply", "past", a=reset, b=own.product(body, "r", state, own.rb))
    else:
        fed = own.product(body, "w", step, own.wb + own.rb)
        past = own.product(body, "r", body.node("multiply", "past", a=reset, b=state))
    hidden = body.node(candidate, "hidden", x=body.node("add", "shifted", a=fed, b=past))
    change = body.node("multiply", "change", a=update, b=body.node("subtract", "distance", a=state, b=hidden))
    body.carry(state, body.node("add", "next", a=hidden, b=change))


Step = Callable[[Cell, Builder, str, str], None]
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
            hidden, w[k], r[k], bias[k, :half], bias[k, half:], activations[k],
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


def _body(cell: Cell, step: Step, features: int, starts: list[Floats | None]) -> Graph:
    """Return the graph of one step."""
    body = Builder("cell")
    given = body.input("step", Type((features,)))
    state = body.state("state", Type((cell.hidden,)))
    step(cell, body, given, state)
    graph = body.finish("next")
    named = zip(("state", "memory"), starts, strict=True)
    begun = {name: start.astype(np.float32) for name, start in named if start is not None and name in graph.state}
    return replace(graph, constants={**graph.constants, **begun})
