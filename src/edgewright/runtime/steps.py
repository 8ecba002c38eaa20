"""How many steps of its recurrences a graph really takes: loops that end early and branches that do not run count as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

Rows = npt.NDArray[np.intp]


def executed_steps(graph: Graph, x: Array) -> npt.NDArray[np.int64]:
    """Return how many steps of recurrences each row takes, [n]: of the scans that carry a state and hold no further scan.

    graph: quantised, x: integers, or float, x: real; [n, *shape]. Raises BadData where x does not fit the graph.
    """
    counter = _Counter(np.zeros(len(x), np.int64))
    counter.enter(graph, "")
    run = run_integer if graph.is_quantised else run_float
    run(graph, x, counter.watch)
    return counter.steps


@dataclass
class _Body:
    """A body within the graph. rows: of the batch, those that still run; counted: those of them that run on the device."""

    node: Node
    around: str
    rows: Rows | None = None
    counted: npt.NDArray[np.bool_] | None = None


@dataclass
class _Counter:
    """Follows the values that a walk shows, by their paths, and which rows they are of."""

    steps: npt.NDArray[np.int64]
    bodies: dict[str, _Body] = field(default_factory=dict)
    conditions: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def enter(self, graph: Graph, path: str) -> None:
        """Note the bodies within a graph."""
        for node in graph.nodes:
            if node.body is not None:
                inner = f"{path}{node.output}/"
                self.bodies[inner] = _Body(node, path)
                self.enter(node.body, inner)

    def watch(self, graph: Graph, path: str, array: Array) -> None:
        """Follow a value: the beginning of a step, the end of a loop, a condition."""
        around, _, name = path.rpartition("/")
        around = f"{around}/" if around else ""
        body = self.bodies.get(around)
        if body is not None and name == graph.inputs[0]:
            self._begin(around, body)
        self.conditions[path] = array.reshape(len(array), -1)[:, 0] != 0
        if body is not None and body.rows is not None and name == body.node.attributes.get("until"):
            ended = self.conditions[path]
            counted = self._counted(body)
            body.rows, body.counted = body.rows[~ended], counted[~ended]

    def _begin(self, path: str, body: _Body) -> None:
        """Begin a step of a body: with all rows around it where it begins anew."""
        if body.rows is None:
            outer = self.bodies.get(body.around)
            body.rows = np.arange(len(self.steps)) if outer is None or outer.rows is None else outer.rows
            body.counted = np.ones(len(body.rows), np.bool_) if outer is None else self._counted(outer)
            if body.node.op == "when":
                body.counted = body.counted & self.conditions[f"{body.around}{body.node.inputs['condition']}"]
        for inner in self.bodies.values():
            if inner.around == path:
                inner.rows = None
        graph = body.node.body
        if (
            body.node.op == "scan"
            and graph is not None
            and graph.state
            and all(node.body is None for node in graph.nodes)
        ):
            self.steps[body.rows[self._counted(body)]] += 1

    @staticmethod
    def _counted(body: _Body) -> npt.NDArray[np.bool_]:
        return np.ones(0, np.bool_) if body.counted is None else body.counted
