"""What a deployed model costs and how well it does: one record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewright import boards, records
from edgewright.boards import Board
from edgewright.engines import Run
from edgewright.engines.layers import flash_parts, instructions_by_layer, layers
from edgewright.errors import BadInput, MissingTool
from edgewright.ir.types import Array
from edgewright.runtime.classes import as_classes
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import value_quality
from edgewright.runtime.ranges import accumulator_bounds

if TYPE_CHECKING:
    from edgewright.firmware import Comparison, Deployed, Firmware


def measure(
    firmware: Firmware, model: Deployed, X: Array | None, y: Array | None, fields: Mapping[str, Any]
) -> records.Record:
    """Return the record of one model of a firmware; see `Firmware.report`."""
    board = boards.get(firmware.board)
    entry = next(entry for entry in firmware.program.entries if entry.name == model.name)
    plan = firmware.plan(model.name)
    numbers: dict[str, float | int | None] = {
        "constant_bytes": sum(entry.constant_bytes.values()),
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.lower_bound_bytes,
        "widest_accumulator_bits": max((bound.bits for bound in accumulator_bounds(model.graph)), default=None),
        "board_flash_bytes": board.flash_bytes - board.bootloader_bytes,
        "board_ram_bytes": board.ram_bytes,
    }
    if model.agreement is not None:
        numbers |= {
            "calibration_rows": model.agreement.rows,
            "agreement_calibration": model.agreement.alike,
            "error_calibration": model.agreement.error,
        }
    tables: dict[str, Mapping[str, Any]] = {
        "constant_bytes": entry.constant_bytes,
        "memory": _memory_map(plan),
        "layers": layers(model.graph, entry),
    }
    tables["arena"] = {"certificate": plan.certificate}
    built: dict[str, Any] = {"engine": board.engine}
    try:
        image = firmware.image
    except MissingTool as reason:
        numbers |= {"flash_bytes": None, "ram_bytes": None, "stack_bytes": None, "verified": None}
        tables["reasons"] = {board.engine: str(reason)}
    else:
        built |= {"compiler": image.compiler, "flags": image.flags}
        numbers |= {"flash_bytes": image.flash_bytes, "ram_bytes": image.ram_bytes}
        numbers |= flash_parts(firmware.program, image)
        if image.ram_bytes is not None:
            arenas = sum(entry.arena_bytes for entry in firmware.program.entries)
            numbers["static_bytes"] = image.ram_bytes - arenas
        tables["helper_bytes"] = image.helper_bytes
    if X is not None:
        numbers |= _behaviour(firmware, model, np.asarray(X), y, tables)
    return records.make(
        "deploy",
        **{
            "model": model.name,
            "board": firmware.board,
            "graph_hash": model.graph.hash,
            "numbers": numbers,
            "tables": tables,
            **built,
            **fields,
        },
    )


def _behaviour(
    firmware: Firmware, model: Deployed, X: Array, y: Array | None, tables: dict[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return accuracy, counts and agreement on rows; the board runs as many as its engine can bear."""
    board = boards.get(firmware.board)
    entry = next(entry for entry in firmware.program.entries if entry.name == model.name)
    integers = model.integers(X)
    if y is not None and model.classes is not None:
        y = _checked_classes(y, len(X), model.classes)
    twin = run_integer(model.graph, integers)
    rows = integers[: firmware.most_vectors]
    mismatches, skipped, on_board = _agreement(firmware, model, rows)
    numbers: dict[str, Any] = {
        "rows": len(X),
        "vectors": len(rows) + len(model.corners()),
        "mismatches": sum(mismatches.values()),
        "verified": int(not any(mismatches.values())) if on_board or any(mismatches.values()) else None,
    }
    tables["mismatches_by_engine"] = mismatches
    if skipped:
        tables["reasons"] = skipped
    if not model.prepared.is_quantised:
        tables["values"] = {
            quality.value: {**asdict(quality), "snr_db": quality.snr_db if math.isfinite(quality.snr_db) else None}
            for quality in value_quality(model.prepared, model.graph, X)
        }
    if y is not None and model.classes is not None:
        if not model.prepared.is_quantised:
            scores = run_float(model.prepared, X)
            numbers["accuracy_float"] = float(np.mean(model.answers(scores) == np.asarray(y)))
        numbers["accuracy_integer"] = float(np.mean(model.answers(twin) == np.asarray(y)))
    if on_board is None:
        return numbers
    run = on_board.run
    if y is not None and model.classes is not None:
        numbers["accuracy_board"] = float(np.mean(model.answers(on_board.outputs) == np.asarray(y)[: len(rows)]))
    numbers |= counts(run, board)
    if run.instructions is not None:
        tables["instructions_by_function"] = {name: count / len(rows) for name, count in run.by_function.items()}
        if by_layer := instructions_by_layer(entry, run, len(rows)):
            tables["instructions_by_layer"] = by_layer
    return numbers


def counts(run: Run, board: Board) -> dict[str, float | int | None]:
    """Return the numbers of a record that a run on a board gives: stack, instructions, cycles, time; what is not known is left out."""
    numbers: dict[str, float | int | None] = {"stack_bytes": run.stack_bytes}
    if run.instructions is not None:
        numbers["instructions_per_inference"] = float(run.instructions.mean())
        numbers["instructions_largest"] = int(run.instructions.max())
    if run.cycles_estimated is not None and board.clock_hz:
        numbers["milliseconds_estimated"] = run.cycles_estimated / len(run.outputs) / board.clock_hz * 1e3
    if run.cycles is not None:
        numbers["cycles_per_inference"] = float(run.cycles.mean())
        numbers["milliseconds"] = float(run.cycles.mean()) / board.clock_hz * 1e3 if board.clock_hz else None
    return numbers


def _agreement(
    firmware: Firmware, model: Deployed, rows: Array
) -> tuple[dict[str, int], dict[str, str], Comparison | None]:
    """Return mismatches by engine, why others did not run, and the run of the rows alone on the board, or None."""
    corners, engine = model.corners(), boards.get(firmware.board).engine
    mismatches: dict[str, int] = {}
    skipped: dict[str, str] = {}
    on_board = None
    for name in dict.fromkeys(("host", engine)):
        try:
            parts = [firmware.compare(part, name, model.name) for part in (corners, rows)]
        except MissingTool as reason:
            skipped[name] = str(reason)
            continue
        mismatches[name] = sum(part.mismatches for part in parts)
        if name == engine:
            on_board = parts[1]
    return mismatches, skipped, on_board


def _checked_classes(y: Array, rows: int, classes: Array) -> Array:
    """Return classes [rows] that compare with those of a model. Raises BadInput."""
    if np.shape(y) != (rows,):
        raise BadInput(f"y is {list(np.shape(y))}; it needs one class for each of the {rows} rows.")
    return as_classes(y, classes)


def _memory_map(plan: Any) -> dict[str, Any]:
    return {
        block.value: {
            "dtype": block.dtype,
            "offset": block.offset,
            "size": block.size,
            "first": block.first,
            "last": block.last,
        }
        for block in plan.blocks
    }
