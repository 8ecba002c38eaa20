"""Every model on every board whose memory allows: twin, host and board."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.any_model import calibrated, classical, sources
from edgewright import boards, data, deploy, engines, records
from edgewright.errors import BoardFault, DoesNotFit, MissingTool
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

VECTORS = 3
CHECKED, TOO_LARGE, FAULT = "board", "board too small", "board fault"


def _fixed(name: str) -> tuple[Graph, Array]:
    return sources.integer_graph(name), sources.integer_rows(name, VECTORS)[0]


def _calibrated(name: str) -> tuple[Graph, Array]:
    graph = sources.quantised_graph(name)
    rows, _ = calibrated.real_rows(name, VECTORS)
    return graph, quantise_array(rows, graph.input_type).astype(graph.input_type.dtype)


def _digits(name: str) -> tuple[Graph, Array]:
    graph, factor = (classical.forest(), 1) if name == "forest" else (classical.network(0)[1], 16)
    rows = data.get("digits").load().x_test[:VECTORS] / factor
    return graph, np.asarray(quantise_array(rows, graph.input_type)).astype(graph.input_type.dtype)


MODELS: dict[str, tuple[Callable[[str], tuple[Graph, Array]], str]] = {
    **{f"{name} int8 file": (_fixed, name) for name in sources.NETWORKS},
    **{f"{name} calibrated": (_calibrated, name) for name in sources.NETWORKS},
    "digits forest": (_digits, "forest"),
    "digits network": (_digits, "network"),
}


def on_board(model: str, board: str, quick: bool) -> Iterator[Record]:
    """Run a model's rows on the twin, on the host and on a board; say by how much it does not fit. Raises MissingTool."""
    make, name = MODELS[model]
    graph, rows = make(name)
    if problem := why_not(board):
        raise MissingTool(problem)
    try:
        firmware = deploy(graph, board)
    except DoesNotFit as error:
        over = {f"{kind.removesuffix('_bytes')}_bytes_over": nbytes for kind, nbytes in error.over.items()}
        yield records.make(
            TOO_LARGE, model, board=board, graph_hash=graph.hash, settings={"reason": str(error)}, numbers=over
        )
        return
    wanted = run_integer(graph, rows)
    numbers: dict[str, float | int | None] = {"vectors": len(rows), "mismatches": 0}
    for engine in dict.fromkeys(("host", boards.get(board).engine)):
        try:
            outputs, run = firmware.run(rows, engine)
        except BoardFault as fault:
            yield records.make(FAULT, model, board=board, graph_hash=graph.hash, settings={"reason": str(fault)})
            return
        wrong = np.any((outputs != wanted).reshape(len(rows), -1), axis=1)
        numbers[f"mismatches_{engine}"] = int(wrong.sum())
        numbers["mismatches"] = int(numbers["mismatches"] or 0) + int(wrong.sum())
        if engine != "host":
            numbers["stack_bytes"] = run.stack_bytes
            numbers["instructions_per_inference"] = None if run.instructions is None else float(run.instructions.mean())
    image = firmware.image
    yield records.make(
        CHECKED,
        model,
        board=board,
        engine=image.engine,
        compiler=image.compiler,
        flags=image.flags,
        seed=sources.SEED,
        graph_hash=graph.hash,
        numbers=numbers | {"flash_bytes": image.flash_bytes, "ram_bytes": image.ram_bytes},
    )


def why_not(board: str) -> str | None:
    """Return why a board's engine cannot run here, with the fix, or None."""
    target = boards.get(board)
    return engines.get(target.engine).why_not(target)
