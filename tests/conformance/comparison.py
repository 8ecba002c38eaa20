"""One comparison for all conformance tests: what an engine computes against the integer twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from vectors import edge_vectors

from edgewright import boards, engines, ops
from edgewright.compiler.emit import emit
from edgewright.engines import Image, pack_inputs, unpack_outputs
from edgewright.errors import DoesNotFit
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer_many

FEW_GRAPHS = 20


@dataclass(frozen=True)
class Difference:
    """One output of a model that is not what the twin says."""

    model: str
    inputs: dict[str, list[int]]
    twin: list[int]
    engine: list[int]


def graphs_of(op: str) -> dict[str, Graph]:
    """The conformance cases of an operator, by a name each."""
    cases = ops.get(op).cases(np.random.default_rng(7))
    return {f"{op}_{number}": ops.single_node_graph(op, case) for number, case in enumerate(cases)}


def vectors_for(graph: Graph, generator: np.random.Generator, random: int = 200) -> dict[str, Array]:
    """Edge integers and random ones for all inputs of a graph."""
    types = [graph.types[name] for name in graph.inputs]
    vectors = edge_vectors(types, generator, random, matrices=graph.constants.values())
    return dict(zip(graph.inputs, vectors, strict=True))


def differences(graphs: Mapping[str, Graph], image: Image) -> list[Difference]:
    """The first difference of each graph that the image holds, on edge and random vectors: fewer of these where graphs are many."""
    found = []
    engine = engines.get(image.engine)
    random = 200 if len(graphs) <= FEW_GRAPHS else 40
    for entry in image.program.entries:
        graph = graphs[entry.name]
        inputs = vectors_for(graph, np.random.default_rng(11), random)
        twin = run_integer_many(graph, inputs)
        run = engine.run(image, entry.name, pack_inputs(entry, list(inputs.values())))
        for value, computed in zip(graph.outputs, unpack_outputs(entry, run.outputs), strict=True):
            wrong = np.any((twin[value] != computed).reshape(len(computed), -1), axis=1)
            if wrong.any():
                row = int(wrong.argmax())
                given = {name: array[row].ravel().tolist() for name, array in inputs.items()}
                found.append(
                    Difference(entry.name, given, twin[value][row].ravel().tolist(), computed[row].ravel().tolist())
                )
                break
    return found


def images_for(graphs: Mapping[str, Graph], board: str, engine: str) -> list[Image]:
    """Images that hold all graphs between them: one where the board has room. Raises DoesNotFit where one graph alone does not fit."""
    try:
        return [
            engines.get(engine).build(emit(graphs, next(iter(graphs)), features=boards.get(board).cpu.features), board)
        ]
    except DoesNotFit:
        if len(graphs) == 1:
            raise
    items = list(graphs.items())
    half = len(items) // 2
    return [image for part in (items[:half], items[half:]) for image in images_for(dict(part), board, engine)]
