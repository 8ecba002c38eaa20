"""What a deployed model costs and how well it does: one record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewright import boards, records
from edgewright.boards import Board
from edgewright.deployed import WHOLE_SEQUENCE, Deployed
from edgewright.engines import Run
from edgewright.engines.layers import flash_parts, instructions_by_layer, layers
from edgewright.errors import BadInput, MissingTool
from edgewright.ir.stream import Stream
from edgewright.ir.types import Array
from edgewright.runtime.classes import as_classes
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import value_quality
from edgewright.runtime.ranges import accumulator_bounds

if TYPE_CHECKING:
    from edgewright.firmware import Comparison, Firmware


def measure(
    firmware: Firmware, model: Deployed, X: Array | None, y: Array | None, fields: Mapping[str, Any]
) -> records.Record:
    """Return the record of one model of a firmware; see `Firmware.report`."""
    board = boards.get(firmware.board)
    entry = next(entry for entry in firmware.program.entries if entry.name == model.name)
    plan = firmware.plan(model.name)
    state_bytes = entry.step.state_bytes if entry.step else 0
    numbers: dict[str, float | int | None] = {
        "constant_bytes": sum(entry.constant_bytes.values()),
        "arena_bytes": entry.arena_bytes,
        **({"state_bytes": state_bytes} if entry.step else {"arena_lower_bound_bytes": plan.lower_bound_bytes}),
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
        "layers": layers(model.compiled, entry),
    }
    if model.stream:
        stream = model.stream
        tables["stream"] = {"window": stream.window, "first": stream.first, "every": stream.every}
    tables["arena"] = {"certificate": plan.certificate}
    built: dict[str, Any] = {"engine": board.engine}
    try:
        image = firmware.image
    except MissingTool as reason:
        numbers |= {"flash_bytes": None, "ram_bytes": None, "stack_bytes": None, "verified": None}
        tables["reasons"] = {board.engine: str(reason)}
    else:
        built |= {"compiler": image.compiler, "flags": image.flags}
        ram = None if image.ram_bytes is None else image.ram_bytes + state_bytes
        numbers |= {"flash_bytes": image.flash_bytes, "ram_bytes": ram}
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
    integers = model.rows(X)
    if y is not None and model.classes is not None:
        y = _checked_classes(y, len(X), model.classes)
    twin = run_integer(model.graph, integers)
    given = model.bearable(model.integers(X), board)
    mismatches, skipped, on_board = _agreement(firmware, model, given)
    numbers: dict[str, Any] = {
        "rows": len(X),
        "vectors": len(given) + sum(map(len, model.corner_trials())),
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
    answered, outputs = of_rows(model, on_board.outputs)
    numbers["rows_on_board"] = len(answered)
    if y is not None and model.classes is not None:
        found = np.asarray(y)[answered]
        numbers["accuracy_board"] = float(np.mean(model.answers(outputs) == found)) if len(found) else None
    numbers |= counts(run, board) if model.stream is None else stream_counts(model.stream, run, board)
    if run.instructions is not None:
        inferences = len(given) if model.stream is None else len(given) / model.stream.every
        tables["instructions_by_function"] = {name: count / inferences for name, count in run.by_function.items()}
        if by_layer := instructions_by_layer(entry, run, inferences):
            tables["instructions_by_layer"] = by_layer
    return numbers


def of_rows(model: Deployed, outputs: Array) -> tuple[Array, Array]:
    """Return the numbers of the rows that have an answer of their own among those of a run, and these answers."""
    if model.stream is None:
        return np.arange(len(outputs)), outputs
    window, every = model.stream.window, model.stream.every
    starts = np.arange(len(outputs)) * every
    whole = starts % window == 0
    return starts[whole] // window, outputs[whole]


def counts(run: Run, board: Board) -> dict[str, float | int | None]:
    """Return the numbers of a record that a run on a board gives: stack, instructions, cycles, time; what is not known is left out."""
    numbers: dict[str, float | int | None] = {"stack_bytes": run.stack_bytes}
    if run.instructions is not None:
        numbers["instructions_per_inference"] = float(run.instructions.mean())
        numbers["instructions_largest"] = int(run.instructions.max())
    if run.cycles_estimated is not None and board.clock_hz:
        numbers["milliseconds_estimated"] = float(run.cycles_estimated.mean()) / board.clock_hz * 1e3
    if run.cycles is not None:
        numbers["cycles_per_inference"] = float(run.cycles.mean())
        numbers["milliseconds"] = float(run.cycles.mean()) / board.clock_hz * 1e3 if board.clock_hz else None
    return numbers


def stream_counts(stream: Stream, run: Run, board: Board) -> dict[str, float | int | None]:
    """Return the numbers of a record that a run of samples gives; means are over as many samples as whole answers take.

    An inference is what `stream.every` samples take together. The largest sampling rate: of samples that wait in a buffer while
    another is worked on, by the mean; unbuffered, by the sample that takes longest.
    """
    numbers: dict[str, float | int | None] = {"stack_bytes": run.stack_bytes}
    steady = _steady(stream, len(run.outputs))
    if run.instructions is not None:
        numbers["instructions_per_sample_largest"] = int(run.instructions.max())
        if steady:
            mean = float(run.instructions[steady].mean())
            numbers |= {"instructions_per_sample": mean, "instructions_per_inference": mean * stream.every}
    for cycles, mark in ((run.cycles, ""), (run.cycles_estimated, "_estimated")):
        if cycles is None or not board.clock_hz:
            continue
        numbers[f"sampling_hertz_unbuffered{mark}"] = board.clock_hz / float(cycles.max())
        if steady:
            mean = float(cycles[steady].mean())
            numbers[f"sampling_hertz{mark}"] = board.clock_hz / mean
            numbers[f"milliseconds{mark}"] = mean * stream.every / board.clock_hz * 1e3
            if not mark:
                numbers["cycles_per_inference"] = mean * stream.every
    return numbers


def _steady(stream: Stream, samples: int) -> slice | None:
    """Return samples that hold a whole number of answers and what they take; None where there are too few.

    Where windows overlap they begin behind the first answer, which comes after more samples than the others.
    """
    begin = 0 if stream.first <= stream.every else stream.first
    count = (samples - begin) // stream.every
    return slice(begin, begin + count * stream.every) if count > 0 else None


def _agreement(
    firmware: Firmware, model: Deployed, rows: Array
) -> tuple[dict[str, int], dict[str, str], Comparison | None]:
    """Return mismatches by engine, why others did not run, and the run of the rows alone on the board, or None."""
    engine = boards.get(firmware.board).engine
    trials = (*model.corner_trials(), rows)
    mismatches: dict[str, int] = {}
    skipped: dict[str, str] = {}
    on_board = None
    for name in dict.fromkeys(("host", engine)):
        try:
            parts = [firmware.compare(trial, name, model.name) for trial in trials]
        except MissingTool as reason:
            skipped[name] = str(reason)
            continue
        mismatches[name] = sum(part.mismatches for part in parts)
        if name == engine:
            on_board = parts[-1]
    if model.stream:
        mismatches[WHOLE_SEQUENCE] = sum(map(model.strays, trials))
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
