"""What is promised of the generated code, of the emulators and of the package."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.spine import models
from edgewright import boards, data, deploy, engines, records
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.engines import objects, pack_inputs, unpack_outputs
from edgewright.errors import DoesNotFit
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

ROOT = Path(__file__).resolve().parents[2]


def generated_code(quick: bool) -> Iterator[Record]:
    """Strict warnings are errors in every build; here the object code, the sanitizers and the bytes are looked at."""
    split = data.get("digits").load()
    fitted: dict[str, Any] = {"forest": models.forest()}
    fitted |= {name: models.fitted(name, 0, True) for name in models.LEARNERS}
    graphs = {name: to_integers(lower(model), models.rows_of(name, split.x_train)) for name, model in fitted.items()}
    program = emit(graphs, "everything")
    found = []
    for board in models.BOARDS:
        engine = engines.get(boards.get(board).engine)
        for one in graphs:
            try:
                found += objects.problems(engine.build(emit({one: graphs[one]}), board))
            except DoesNotFit:
                continue
    host: Any = engines.get("host")
    sanitized = host.build(program, "host", sanitize=True)
    differences = 0
    for entry in program.entries:
        x = models.rows_of(entry.name, split.x_test[:100]).astype(np.int64)
        corners = np.random.default_rng(0).choice(graphs[entry.name].input_type.range, (50, *x.shape[1:]))
        rows = np.concatenate([x, corners])
        run = host.run(sanitized, entry.name, pack_inputs(entry, [rows]))
        (outputs,) = unpack_outputs(entry, run.outputs)
        differences += int(np.sum(outputs != run_integer(graphs[entry.name], rows)))
    again = emit(
        {name: to_integers(lower(model), models.rows_of(name, split.x_train)) for name, model in fitted.items()},
        "everything",
    )
    numbers = {
        "broken_promises": len(found),
        "models_in_one_firmware": len(program.entries),
        "differences_under_sanitizers": differences,
        "files_that_differ_between_builds": sum(program.files[file] != again.files[file] for file in program.files),
    }
    yield records.make(
        "generated code", ", ".join(graphs), compiler=sanitized.compiler, flags=sanitized.flags, numbers=numbers
    )


def second_opinion(quick: bool) -> Iterator[Record]:
    """QEMU runs the very file that unicorn ran: same outputs, same instructions but for one constant a build."""
    split = data.get("digits").load()
    for board in ("microbit", "stm32f405"):
        for name in models.LEARNERS[:1] if quick else models.LEARNERS:
            firmware = deploy(models.fitted(name, 0, True), board, models.rows_of(name, split.x_train), name=name)
            entry = firmware.program.entries[0]
            deployed = firmware.models[name]
            vectors = pack_inputs(entry, [deployed.integers(models.rows_of(name, split.x_test[:40]))])
            image = firmware.build("qemu")
            first, second = (engines.get(engine).run(image, name, vectors) for engine in ("unicorn", "qemu"))
            assert first.instructions is not None
            assert second.timer_instructions is not None
            apart = second.timer_instructions - first.instructions
            numbers = {
                "vectors": len(vectors),
                "different_outputs": int(np.any(first.outputs != second.outputs, axis=1).sum()),
                "instructions_apart": float(np.median(apart)),
                "instructions_apart_spread": float(apart.max() - apart.min()),
            }
            yield records.make(
                "second opinion",
                name,
                board=board,
                engine="qemu",
                compiler=image.compiler,
                flags=image.flags,
                graph_hash=deployed.graph.hash,
                numbers=numbers,
            )


def mutants(quick: bool) -> Iterator[Record]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/mutants"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    by_word = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", finished.stdout)}
    yield records.make(
        "mutants",
        "all operators",
        engine="host",
        numbers={"caught": by_word.get("passed", 0), "missed": by_word.get("failed", 0) + by_word.get("error", 0)},
    )


def import_time(quick: bool) -> Iterator[Record]:
    """In fresh processes, with the start of Python itself; and what `import edgewright` alone adds."""
    seconds: dict[str, list[float]] = {"pass": [], "import edgewright": []}
    for _ in range(3 if quick else 9):
        for code, found in seconds.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            found.append(time.perf_counter() - began)
    middle = {code: statistics.median(found) for code, found in seconds.items()}
    wing = "import sys, edgewright.ir, edgewright.ops, edgewright.runtime.integer, edgewright.compiler.emit, edgewright.engines, "
    wing += "edgewright.boards, edgewright.frontends, edgewright.lowering; print(sum(m in sys.modules for m in ('torch', 'sklearn')))"
    heavy = subprocess.run([sys.executable, "-c", wing], check=True, capture_output=True, text=True).stdout
    numbers = {
        "import_seconds": middle["import edgewright"] - middle["pass"],
        "process_seconds": middle["import edgewright"],
        "heavy_packages_imported": int(heavy),
    }
    yield records.make("import", "edgewright", numbers=numbers)


def build_time(quick: bool) -> Iterator[Record]:
    command = [
        sys.executable,
        "-m",
        "edgewright",
        "build",
        "--data",
        "digits",
        "--model",
        "bonsai",
        "--board",
        "microbit",
        "--json",
    ]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        options = ["--epochs", "2"] if quick else []
        subprocess.run([*command, *options, "--out", str(Path(folder) / "out")], check=True, capture_output=True)
        seconds = time.perf_counter() - began
    yield records.make("build", "bonsai", data="digits", board="microbit", numbers={"build_seconds": seconds})
