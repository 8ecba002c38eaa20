"""LiteRT's reference kernels: what they compute, tensor by tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgewright import boards, engines
from edgewright.compiler.emit import emit
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array


def reference(path: Path, rows: Array) -> Array:
    """Return LiteRT's outputs [n, *shape] of inputs [n, *shape]."""
    return _Reference(path).outputs(rows)


def reference_layers(path: Path, rows: Array) -> list[tuple[str, list[Array], Array]]:
    """Return for each operator its name, what it read and what it made, of all rows; constants as they are."""
    return _Reference(path).layers(rows)


def on_host(graph: Graph, x: Array) -> Array:
    """Return what the generated C computes on this machine; skips the test where there is no compiler."""
    engine = engines.get("host")
    if problem := engine.why_not(boards.get("host")):
        pytest.skip(problem)
    program = emit({"model": graph})
    entry = program.entries[0]
    run = engine.run(engine.build(program, "host"), "model", engines.pack_inputs(entry, [x]))
    return engines.unpack_outputs(entry, run.outputs)[0]


class _Reference:
    def __init__(self, path: Path) -> None:
        self.interpreter = Interpreter(
            str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self.interpreter.allocate_tensors()
        (self.first,), (self.last,) = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        self.operators = self.interpreter._get_ops_details()

    def run(self, row: Array) -> None:
        self.interpreter.set_tensor(self.first["index"], row[None])
        self.interpreter.invoke()

    def outputs(self, rows: Array) -> Array:
        found = []
        for row in rows:
            self.run(row)
            found.append(self.interpreter.get_tensor(self.last["index"])[0])
        return np.array(found)

    def layers(self, rows: Array) -> list[tuple[str, list[Array], Array]]:
        seen: dict[int, list[Array]] = {}
        made = {int(operator["outputs"][0]) for operator in self.operators} | {self.first["index"]}
        for row in rows:
            self.run(row)
            for index in made:
                seen.setdefault(index, []).append(self.interpreter.get_tensor(index)[0])
        return [
            (
                operator["op_name"],
                [np.array(seen[int(index)]) for index in operator["inputs"] if int(index) in made],
                np.array(seen[int(operator["outputs"][0])]),
            )
            for operator in self.operators
        ]
