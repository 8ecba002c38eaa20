"""What a dense layer costs through the compiler, by product: 8-bit Gaussian weights, inputs as a relu leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.kilobytes.on_boards import CORES
from edgewright import boards, engines, ops, records
from edgewright.compiler.emit import emit
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.engines.layers import flash_parts
from edgewright.errors import MissingTool
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.ops import Case
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

KERNEL = "kernel"
ROWS, COLUMNS = 128, 640
FEWER_ROWS = {"m3": 96, "avr": 32}  # as many as the flash of the board holds
DEVIATION = 32  # of the weights
COUNTED_INPUTS = 5
SEED = 1


def kernel_records(quick: bool) -> list[Record]:
    """Return instructions, or exact cycles, by product on each core and with each compiler, from entry to return of the model.

    Nothing takes long, so a quick run leaves out the second compiler only. Raises MissingTool.
    """
    return [
        _measured(core, compiler)
        for core in CORES
        for compiler in (("gcc",) if core == "avr" or quick else ("gcc", "zig"))
    ]


def layer(rows: int) -> Graph:
    """Return a dense layer of int8 [COLUMNS] after a relu to int8 [rows], with scales that are powers of two."""
    generator = np.random.default_rng(SEED)
    w = np.clip(np.round(generator.normal(0, DEVIATION, (rows, COLUMNS))), -127, 127).astype(np.int8)
    bias = generator.integers(-2000, 2000, rows).astype(np.int32)
    types = {
        "x": Type((COLUMNS,), "int8", 2.0**-5, limits=(0, 127)),
        "w": Type(w.shape, "int8", 2.0**-7, limits=(-127, 127)),
        "bias": Type((rows,), "int32", 2.0**-12),
        "y": Type((rows,), "int8", 2.0**-4, limits=(-127, 127)),
    }
    return ops.single_node_graph("dense", Case(types, {"w": w, "bias": bias}))


def _measured(core: str, compiler: str) -> Record:
    board, rows = CORES[core], FEWER_ROWS.get(core, ROWS)
    graph, target = layer(rows), boards.get(board)
    engine: Any = engines.get(target.engine)
    chosen = () if core == "avr" else (compiler,)
    if problem := engine.why_not(target, *chosen):
        raise MissingTool(problem)
    program = emit({"layer": graph}, features=target.cpu.features)
    image = engine.build(program, board, *chosen)
    generator = np.random.default_rng(SEED)
    x = np.clip(np.round(generator.normal(0, 50, (COUNTED_INPUTS, COLUMNS))), 0, 127).astype(np.int8)
    (entry,) = program.entries
    run = engine.run(image, entry.name, pack_inputs(entry, [x]))
    (outputs,) = unpack_outputs(entry, run.outputs)
    counts = run.instructions if run.cycles is None else run.cycles
    key = "instructions_per_product" if run.cycles is None else "cycles_per_product"
    numbers = {
        key: float(counts.mean()) / (rows * COLUMNS),
        "products": rows * COLUMNS,
        "mismatches": int(np.any(outputs != run_integer(graph, x), axis=1).sum()),
        **flash_parts(program, image),
        "ram_bytes": image.ram_bytes,
        "stack_bytes": run.stack_bytes,
    }
    kernel = ops.kernel_of(graph, graph.nodes[0], target.cpu.features)
    return records.make(
        KERNEL,
        f"dense {rows}x{COLUMNS}",
        board=board,
        engine=image.engine,
        compiler=image.compiler,
        flags=image.flags,
        graph_hash=graph.hash,
        seed=SEED,
        settings={"core": core, "compiler": compiler, "kernel": kernel.name, "deviation": DEVIATION},
        numbers=numbers,
    )
