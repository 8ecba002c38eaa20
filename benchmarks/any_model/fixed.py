"""The int8 networks: against LiteRT's reference kernels, and what they cost on an emulated M4."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.any_model import sources
from edgewright import boards, engines, frontends, records
from edgewright.compiler.emit import emit
from edgewright.compiler.program import Entry, Program
from edgewright.engines import Image, pack_inputs, unpack_outputs
from edgewright.engines.layers import flash_parts
from edgewright.errors import CheckFailed, MissingTool
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.records import Record

M4 = "stm32f405"
PRODUCTS = ("dense", "conv2d", "depthwise_conv2d")
INPUTS = 100
PART = 10  # inputs of one pass through the layers, which bounds the memory
COUNTED_ROWS = 3


def against_reference(name: str, quick: bool) -> Iterator[Record]:
    """Compare each layer on LiteRT's own inputs of it, and the outputs of the C from end to end. Raises MissingTool."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise MissingTool("LiteRT's reference kernels need the package ai-edge-litert: pip install ai-edge-litert.")
    litert = sources.tests("frontends", "litert")
    layer = sources.tests("frontends", "test_tflite_mlperf").layer
    path = sources.network_file(sources.NETWORKS[name].integer)
    graph = frontends.read(path)
    rows, data = sources.integer_rows(name, 4 if quick else INPUTS)
    differ = {"products": 0, "others": 0}
    largest = {"products": 0, "others": 0}
    by_layer: dict[str, int] = {}
    wanted = []
    for start in range(0, len(rows), PART):
        found = litert.reference_layers(path, rows[start : start + PART])
        if len(found) != len(graph.nodes):
            raise CheckFailed(f"{path.name} has {len(found)} operators and {len(graph.nodes)} of our nodes.")
        for node, (_, inputs, expected) in zip(graph.nodes, found, strict=True):
            apart = np.abs(layer(graph, node, inputs).reshape(expected.shape) - expected.astype(np.int64))
            kind = "products" if node.op in PRODUCTS else "others"
            differ[kind] += int(np.count_nonzero(apart))
            largest[kind] = max(largest[kind], int(apart.max()))
            by_layer[f"{node.output} ({node.op})"] = by_layer.get(f"{node.output} ({node.op})", 0) + int(
                np.count_nonzero(apart)
            )
        wanted.append(found[-1][2].reshape(len(found[-1][2]), -1))
    expected = np.concatenate(wanted)
    computed = on_host(sources.integer_graph(name), rows).reshape(expected.shape)
    numbers: dict[str, float | int | None] = {
        "rows": len(rows),
        "product_entries_different": differ["products"],
        "product_largest_step": largest["products"],
        "other_entries_different": differ["others"],
        "other_largest_step": largest["others"],
        "output_entries_different": int(np.count_nonzero(computed != expected)),
        "answers_different": None,
    }
    if sources.NETWORKS[name].classifies:
        numbers["answers_different"] = int(np.sum(computed.argmax(axis=1) != expected.argmax(axis=1)))
    yield records.make(
        "reference",
        name,
        data=data,
        seed=sources.SEED,
        engine="host",
        graph_hash=graph.hash,
        settings={"file": path.name},
        numbers=numbers,
        tables={"entries_different_by_layer": by_layer},
    )


def cost(name: str, quick: bool) -> Iterator[Record]:
    """Measure the int8 file's network on the emulated M4, built by gcc. Raises MissingTool."""
    rows, data = sources.integer_rows(name, 1 if quick else COUNTED_ROWS)
    yield cost_on_m4("cost", name, sources.integer_graph(name), rows, data)


def cost_on_m4(what: str, name: str, graph: Graph, rows: Array, data: str) -> Record:
    """Return the record of a graph's flash, RAM and instructions on the emulated M4, for integer rows.

    ram_bytes: arena, static data and the buffers of input and output, which the rival's arena holds too. code_bytes: with helpers,
    without weights and tables.
    """
    image = built(emit({"model": graph}, features=boards.get(M4).cpu.features), M4)
    run = engines.get("unicorn").run(image, "model", pack_inputs(entry_of(image.program), [rows]))
    assert run.instructions is not None
    parts = flash_parts(image.program, image)
    numbers: dict[str, Any] = {
        "rows": len(rows),
        "instructions_per_inference": float(run.instructions.mean()),
        "instructions_largest": int(run.instructions.max()),
        "ram_bytes": image.ram_bytes,
        "buffer_bytes": graph.input_type.nbytes + graph.output_type.nbytes,
        "arena_bytes": entry_of(image.program).arena_bytes,
        "stack_bytes": run.stack_bytes,
        "flash_bytes": image.flash_bytes,
        **parts,
    }
    by_function = {function: count / len(rows) for function, count in run.by_function.items()}
    return records.make(
        what,
        name,
        data=data,
        seed=sources.SEED,
        board=M4,
        engine="unicorn",
        compiler=image.compiler,
        flags=image.flags,
        graph_hash=graph.hash,
        numbers=numbers,
        tables={"instructions_by_function": by_function},
    )


def built(program: Program, board: str) -> Image:
    """Return the image that arm-none-eabi-gcc builds for a Cortex-M board. Raises MissingTool, DoesNotFit."""
    unicorn: Any = engines.get("unicorn")
    image: Image = unicorn.build(program, board, compiler="gcc")
    return image


def entry_of(program: Program) -> Entry:
    """Return the only model of a program."""
    (entry,) = program.entries
    return entry


def on_host(graph: Graph, rows: Array) -> Array:
    """Return the outputs [n, *shape] of the generated C on this computer for integer rows. Raises MissingTool."""
    host = engines.get("host")
    if problem := host.why_not(boards.get("host")):
        raise MissingTool(problem)
    program = emit({"model": graph})
    run = host.run(host.build(program, "host"), "model", pack_inputs(entry_of(program), [rows]))
    (outputs,) = unpack_outputs(entry_of(program), run.outputs)
    return outputs
