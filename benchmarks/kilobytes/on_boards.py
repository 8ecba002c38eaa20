"""What the models cost on each core, by gcc and by zig, and whether twin, host and board agree on every board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from benchmarks.kilobytes import accuracy, models
from benchmarks.kilobytes.models import Trained
from edgewright import boards, deploy, engines, records
from edgewright.compiler.emit import emit
from edgewright.compiler.program import Program
from edgewright.deployed import MOST_VECTORS_ON_AVR
from edgewright.engines import Image, Run, pack_inputs, unpack_outputs
from edgewright.engines.layers import flash_parts
from edgewright.errors import BoardFault, DoesNotFit, MissingTool
from edgewright.ir.types import Array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

CORES = {"avr": "arduino-uno", "m0": "microbit", "m3": "bluepill", "m4": "stm32f405", "rv32": "esp32c3"}
COST, CHECKED, TOO_LARGE, FAULT = "cost", "checked", "does not fit", "fault"
OURS, PLAIN = "ours", "plain C"
COUNTED_ROWS = 50  # the first of the test rows
QUICK_ROWS = 5


def cost(name: str, core: str, quick: bool) -> Iterator[Record]:
    """Count instructions, or exact cycles, of the model of seed 0 on a core: its kernels and the portable ones, each compiler."""
    model, board = models.trained(name, 0, quick), boards.get(CORES[core])
    rows = model.rows(models.split(model.setting, quick).x_test[: QUICK_ROWS if quick else COUNTED_ROWS])
    for kernels, features in ((OURS, board.cpu.features), (PLAIN, frozenset[str]())):
        program = emit({"model": model.integers}, features=features)
        for compiler in ("gcc",) if core == "avr" else ("gcc", "zig"):
            yield _counted(model, core, program, kernels, compiler, rows)


def _counted(model: Trained, core: str, program: Program, kernels: str, compiler: str, rows: Array) -> Record:
    settings: dict[str, Any] = {"core": core, "kernels": kernels, "compiler": compiler}
    common: dict[str, Any] = {"data": model.setting.data, "seed": 0, "board": CORES[core], "settings": settings}
    common["graph_hash"] = model.integers.hash
    try:
        image = _built(program, CORES[core], compiler)
    except DoesNotFit as error:
        settings["reason"] = str(error)
        over = {f"{kind}_bytes_over": nbytes for kind, nbytes in error.over.items()}
        return records.make(TOO_LARGE, model.setting.name, numbers=over, **common)
    outputs, run = _run(image, program, rows)
    wrong = np.any((outputs != run_integer(model.integers, rows)).reshape(len(rows), -1), axis=1)
    clock = boards.get(CORES[core]).clock_hz
    numbers: dict[str, Any] = {
        "rows": len(rows),
        "mismatches": int(wrong.sum()),
        **_counts(run),
        **flash_parts(program, image),
        "flash_bytes": image.flash_bytes,
        "ram_bytes": image.ram_bytes,
        "stack_bytes": run.stack_bytes,
    }
    if run.cycles is not None and clock:
        numbers["milliseconds"] = float(run.cycles.mean()) / clock * 1e3
    return records.make(
        COST,
        model.setting.name,
        engine=image.engine,
        compiler=image.compiler,
        flags=image.flags,
        numbers=numbers,
        tables={"instructions_by_function": {key: count / len(rows) for key, count in run.by_function.items()}},
        **common,
    )


def check(name: str, board: str, quick: bool) -> Iterator[Record]:
    """Run the model of seed 0 on a board, the whole test set and the corners; say by how much it does not fit. Raises MissingTool."""
    model, target = models.trained(name, 0, quick), boards.get(board)
    common: dict[str, Any] = {"data": model.setting.data, "seed": 0, "board": board, "graph_hash": model.integers.hash}
    if problem := engines.get(target.engine).why_not(target):
        raise MissingTool(problem)
    try:
        firmware = deploy(model.integers, board)
        image = firmware.image
    except DoesNotFit as error:
        over = {f"{kind}_bytes_over": nbytes for kind, nbytes in error.over.items()}
        yield records.make(TOO_LARGE, name, settings={"reason": str(error)}, numbers=over, **common)
        return
    x = models.split(model.setting, quick).x_test
    most = QUICK_ROWS if quick else MOST_VECTORS_ON_AVR if target.core == "avr" else None
    try:
        vectors, wrong = accuracy.agreement(firmware, model, x, target.engine, most)
    except BoardFault as fault:
        yield records.make(FAULT, name, settings={"reason": str(fault)}, **common)
        return
    yield records.make(
        CHECKED,
        name,
        engine=image.engine,
        compiler=image.compiler,
        flags=image.flags,
        numbers={
            "vectors": vectors,
            "mismatches": wrong,
            "flash_bytes": image.flash_bytes,
            "ram_bytes": image.ram_bytes,
            "weight_bytes": accuracy.constant_bytes(firmware.program)["weight_bytes"],
        },
        **common,
    )


def targets() -> Iterable[str]:
    """Return the boards that models are checked on; the host is checked with each training."""
    return tuple(name for name in boards.names() if name != "host")


def _built(program: Program, board: str, compiler: str) -> Image:
    engine: Any = engines.get(boards.get(board).engine)
    image: Image = (
        engine.build(program, board) if engine is engines.get("simavr") else engine.build(program, board, compiler)
    )
    return image


def _run(image: Image, program: Program, rows: Array) -> tuple[Array, Run]:
    entry = accuracy.entry_of(program)
    run = engines.get(image.engine).run(image, entry.name, pack_inputs(entry, [rows]))
    (outputs,) = unpack_outputs(entry, run.outputs)
    return outputs, run


def _counts(run: Run) -> dict[str, float | int | None]:
    return {
        "instructions_per_inference": None if run.instructions is None else float(run.instructions.mean()),
        "instructions_largest": None if run.instructions is None else int(run.instructions.max()),
        "cycles_per_inference": None if run.cycles is None else float(run.cycles.mean()),
    }


def counted_models() -> tuple[models.Setting, ...]:
    """Return the models that are counted on each core: those of usps."""
    return tuple(setting for setting in models.MODELS if setting.data == "usps")
