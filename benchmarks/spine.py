"""The spine: from data to integer C, proven on emulated boards."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import boards, data, deploy, engines, frontends, records
from edgewright.bench import Bar, Benchmark, Unit, mean
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.engines import objects, pack_inputs, unpack_outputs
from edgewright.errors import DoesNotFit, MissingTool
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

MILESTONE = "milestone 1"
ROOT = Path(__file__).resolve().parents[1]
LEARNERS = ("bonsai", "protonn", "fastgrnn")
SEEDS = (0, 1, 2)
FULL_BOARDS = ("microbit", "bluepill", "stm32f405", "arduino-uno")
DETECTOR = Path("mlperf_tiny") / "ad01_int8.tflite"
DETECTOR_INPUTS = 100


def rows_of(name: str, values: Any) -> Any:
    """The digits as a learner reads them: FastGRNN takes the eight rows of the image as steps."""
    return values.reshape(-1, 8, 8) if name == "fastgrnn" else values


def fitted(name: str, seed: int, quick: bool) -> Any:
    from edgewright import estimators

    split = data.get("digits").load()
    settings = {"epochs": 4} if quick else {}
    model = estimators.get(name)(size_kb=4, random_state=seed, **settings)
    return model.fit(rows_of(name, split.x_train), split.y_train)


def forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    split = data.get("digits").load()
    return RandomForestClassifier(n_estimators=10, max_depth=8, random_state=0).fit(split.x_train, split.y_train)


def accuracy(name: str, seed: int, quick: bool) -> Iterator[Record]:
    split = data.get("digits").load()
    model = fitted(name, seed, quick)
    x_train, x_test = rows_of(name, split.x_train), rows_of(name, split.x_test)
    graph = to_integers(lower(model), x_train)
    outputs = run_integer(graph, x_test.astype(np.int64))
    integer = float(np.mean(model.classes_[outputs.argmax(axis=1)] == split.y_test))
    yield records.make(
        "accuracy",
        name,
        data="digits",
        split="train_test_split(test_size=540, stratify=y, random_state=0)",
        seed=seed,
        graph_hash=graph.hash,
        settings={"size_kb": 4, "quick": quick},
        numbers={
            "accuracy_float": float(model.score(x_test, split.y_test)),
            "accuracy_integer": integer,
            "weight_bytes": model.size_bytes(),
            "rows": len(x_test),
        },
    )


def on_boards(name: str, quick: bool) -> Iterator[Record]:
    """One model on every board whose memory allows."""
    split = data.get("digits").load()
    y: Any = split.y_test
    if name == "detector":
        model, calibration, y = frontends.read(detector_path()), None, None
    else:
        model = forest() if name == "forest" else fitted(name, 0, quick)
        calibration = rows_of(name, split.x_train)
    for board in FULL_BOARDS[:1] if quick else FULL_BOARDS:
        try:
            firmware = deploy(model, board, calibration, name=name)
        except DoesNotFit as error:
            yield records.make("does not fit", name, board=board, settings={"reason": str(error)})
            continue
        x = detector_rows() if name == "detector" else rows_of(name, split.x_test)
        few = slice(20 if quick else None)
        yield firmware.report(x[few], y if y is None else y[few], data="digits" if y is not None else "random", seed=0)


def detector_path() -> Path:
    folder = os.environ.get("EDGEWRIGHT_DATA")
    if not folder or not (Path(folder) / DETECTOR).is_file():
        raise MissingTool(f"The anomaly detector needs {DETECTOR} in the folder that EDGEWRIGHT_DATA names.")
    return Path(folder) / DETECTOR


def detector_rows(count: int = DETECTOR_INPUTS) -> Any:
    """Real inputs that are exactly integers of the model, drawn from its whole range."""
    type = frontends.read(detector_path()).input_type
    integers = np.random.default_rng(0).integers(-128, 128, (count, *type.shape))
    return (integers - type.zero_point) * type.scales


def detector_against_litert(quick: bool) -> Iterator[Record]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    graph = frontends.read(detector_path())
    rows = (
        np.random.default_rng(0)
        .integers(-128, 128, (5 if quick else DETECTOR_INPUTS, *graph.input_type.shape))
        .astype(np.int8)
    )
    interpreter = Interpreter(str(detector_path()), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    wanted = []
    for row in rows:
        interpreter.set_tensor(source["index"], row.reshape(source["shape"]))
        interpreter.invoke()
        wanted.append(interpreter.get_tensor(target["index"]).ravel())
    program = emit({"detector": graph})
    host = engines.get("host")
    run = host.run(host.build(program, "host"), "detector", pack_inputs(program.entries[0], [rows]))
    (computed,) = unpack_outputs(program.entries[0], run.outputs)
    twin = run_integer(graph, rows)
    numbers = {
        "outputs": int(np.size(wanted)),
        "differences_twin": int(np.sum(twin.reshape(len(rows), -1) != np.stack(wanted))),
        "differences_c": int(np.sum(computed.reshape(len(rows), -1) != np.stack(wanted))),
    }
    yield records.make(
        "reference", "ad01_int8.tflite", engine="LiteRT reference kernels", graph_hash=graph.hash, numbers=numbers
    )


def forest_against_sklearn(quick: bool) -> Iterator[Record]:
    split = data.get("digits").load()
    model = forest()
    graph = to_integers(lower(model), split.x_train)
    answers = model.classes_[run_integer(graph, split.x_test.astype(np.int64)).argmax(axis=1)]
    numbers = {
        "rows": len(answers),
        "different_predictions": int(np.sum(answers != model.predict(split.x_test))),
        "accuracy_integer": float(np.mean(answers == split.y_test)),
    }
    yield records.make(
        "forest",
        "RandomForestClassifier(10, max_depth=8)",
        data="digits",
        seed=0,
        graph_hash=graph.hash,
        numbers=numbers,
    )


def estimator_checks(name: str, quick: bool) -> Iterator[Record]:
    from sklearn.utils.estimator_checks import check_estimator

    from edgewright import estimators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(estimators.get(name)(), on_fail=None)
    statuses = [check["status"] for check in found]
    numbers = {status: statuses.count(status) for status in ("passed", "failed", "skipped", "xfail")}
    yield records.make("check_estimator", name, numbers=numbers)


def generated_code(quick: bool) -> Iterator[Record]:
    """Strict warnings are errors in every build; here the object code, the sanitizers and the bytes are looked at."""
    split = data.get("digits").load()
    models: dict[str, Any] = {"forest": forest()}
    models |= {name: fitted(name, 0, True) for name in LEARNERS}
    graphs = {name: to_integers(lower(model), rows_of(name, split.x_train)) for name, model in models.items()}
    program = emit(graphs, "everything")
    found = []
    for board in FULL_BOARDS:
        engine = engines.get(boards.get(board).engine)
        for one in graphs:
            try:
                found += objects.problems(engine.build(emit({one: graphs[one]}), board))
            except DoesNotFit:
                continue
    host = engines.get("host")
    sanitized = host.build(program, "host", sanitize=True)
    differences = 0
    for entry in program.entries:
        x = rows_of(entry.name, split.x_test[:100]).astype(np.int64)
        corners = np.random.default_rng(0).choice(graphs[entry.name].input_type.range, (50, *x.shape[1:]))
        rows = np.concatenate([x, corners])
        run = host.run(sanitized, entry.name, pack_inputs(entry, [rows]))
        (outputs,) = unpack_outputs(entry, run.outputs)
        differences += int(np.sum(outputs != run_integer(graphs[entry.name], rows)))
    again = emit(
        {name: to_integers(lower(model), rows_of(name, split.x_train)) for name, model in models.items()}, "everything"
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
        for name in LEARNERS[:1] if quick else LEARNERS:
            firmware = deploy(fitted(name, 0, True), board, rows_of(name, split.x_train), name=name)
            entry = firmware.program.entries[0]
            deployed = firmware.models[name]
            vectors = pack_inputs(entry, [deployed.integers(rows_of(name, split.x_test[:40]))])
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


def units(quick: bool) -> Sequence[Unit]:
    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: Any) -> Unit:
        return Unit(key, partial(run, *arguments, quick))

    found = [
        unit(f"accuracy {name} seed {seed}", accuracy, name, seed)
        for name in LEARNERS
        for seed in SEEDS[: 1 if quick else None]
    ]
    found += [unit(f"boards {name}", on_boards, name) for name in (*LEARNERS, "forest")]
    found += [
        unit("forest", forest_against_sklearn),
        unit("generated code", generated_code),
        unit("second opinion", second_opinion),
    ]
    found += [unit("import", import_time), unit("build", build_time)]
    if (Path(os.environ.get("EDGEWRIGHT_DATA", "")) / DETECTOR).is_file():
        found += [unit("boards detector", on_boards, "detector"), unit("detector", detector_against_litert)]
    if not quick:
        found += [unit(f"checks {name}", estimator_checks, name) for name in ("bonsai", "protonn")] + [
            unit("mutants", mutants)
        ]
    return found


def summarise(made: Sequence[Record]) -> dict[str, float | None]:
    def numbers(what: str, key: str, model: str | None = None) -> list[Any]:
        return [r.numbers.get(key) for r in made if r.what == what and model in (None, r.model)]

    def total(what: str, key: str) -> float | None:
        found = numbers(what, key)
        return None if not found or None in found else float(sum(found))

    reached: dict[str, float | None] = {}
    for name in LEARNERS:
        reached[f"{name}_accuracy"] = mean(numbers("accuracy", "accuracy_integer", name))
        reached[f"{name}_bytes"] = max(numbers("accuracy", "weight_bytes", name), default=None)
        losses = [
            f - i
            for f, i in zip(
                numbers("accuracy", "accuracy_float", name), numbers("accuracy", "accuracy_integer", name), strict=True
            )
        ]
        reached[f"{name}_loss"] = mean(losses)
    reached["pairs"] = float(sum(r.what == "deploy" and r.numbers.get("verified") == 1 for r in made))
    reached["unverified"] = float(sum(r.what == "deploy" and r.numbers.get("verified") != 1 for r in made))
    reached["mismatches"] = total("deploy", "mismatches")
    reached["detector"] = max(
        (d for key in ("differences_twin", "differences_c") for d in numbers("reference", key)), default=None
    )
    reached["forest"] = total("forest", "different_predictions")
    reached["checks"] = min(numbers("check_estimator", "passed"), default=None)
    reached["checks_failed"] = total("check_estimator", "failed")
    for key in ("broken_promises", "differences_under_sanitizers", "files_that_differ_between_builds"):
        reached[key] = total("generated code", key)
    reached["second_opinion_outputs"] = total("second opinion", "different_outputs")
    reached["second_opinion_spread"] = max(numbers("second opinion", "instructions_apart_spread"), default=None)
    reached["mutants"] = total("mutants", "caught")
    reached["mutants_missed"] = total("mutants", "missed")
    reached["import_seconds"] = mean(numbers("import", "import_seconds"))
    reached["heavy"] = total("import", "heavy_packages_imported")
    reached["build_seconds"] = mean(numbers("build", "build_seconds"))
    return reached


def table(made: Sequence[Record]) -> str:
    """The README's table: accuracy over the seeds, and what seed 0 costs on each board."""
    costs = {(r.model, r.board): r for r in made if r.what == "deploy"}
    lines = [
        "| digits, 540 test rows | weights | accuracy of the integers (float) | micro:bit, M0 | STM32F405, M4F | Uno, AVR |",
        "|---|---|---|---|---|---|",
    ]
    for name, title in (("bonsai", "Bonsai"), ("protonn", "ProtoNN"), ("fastgrnn", "FastGRNN, 8 steps")):
        rows = [r for r in made if r.what == "accuracy" and r.model == name]
        integers, floats = (
            [100 * float(r.numbers[key] or 0) for r in rows] for key in ("accuracy_integer", "accuracy_float")
        )
        weights = max(int(r.numbers["weight_bytes"] or 0) for r in rows)
        spread = (
            f"{statistics.fmean(integers):.1f} ± {statistics.pstdev(integers):.1f} % ({statistics.fmean(floats):.1f})"
        )
        lines.append(f"| {title} | {weights:,} B | {spread} | {_costs(costs, name)} |")
    forest_rows = next(r for r in made if r.what == "forest")
    accuracy_of_forest = 100 * float(forest_rows.numbers["accuracy_integer"] or 0)
    lines.append(
        f"| scikit-learn forest, 10 x depth 8 | | {accuracy_of_forest:.1f} % (the same) | {_costs(costs, 'forest')} |"
    )
    stacks = [int(r.numbers["stack_bytes"] or 0) for r in made if r.what == "deploy" and r.numbers.get("stack_bytes")]
    compilers = sorted({str(r.compiler) for r in made if r.what == "deploy" and r.compiler})
    lines += [
        "",
        "Mean ± standard deviation of training seeds 0, 1, 2; costs of seed 0: flash with code and helpers, "
        f"RAM without the stack ({min(stacks)} to {max(stacks)} bytes), "
        f"then instructions of one inference, or the exact time at 16 MHz. Compilers: {', '.join(compilers)}, -O2. "
        "`edgewright bench spine` measures it again, `--show` prints the bars.",
    ]
    return "\n".join(lines)


def _costs(costs: dict[tuple[str, str | None], Record], model: str) -> str:
    cells = []
    for board in ("microbit", "stm32f405", "arduino-uno"):
        record = costs.get((model, board))
        if record is None or record.numbers.get("flash_bytes") is None:
            cells.append("not measured")
            continue
        n = record.numbers
        milliseconds = n.get("milliseconds")
        last = (
            f"{milliseconds:.1f} ms"
            if milliseconds is not None
            else f"{n['instructions_per_inference'] or 0:,.0f} instr."
        )
        cells.append(f"{n['flash_bytes']:,} B, {n['ram_bytes']:,} B, {last}")
    return " | ".join(cells)


def learner_bars(name: str, least: float) -> tuple[Bar, ...]:
    return (
        Bar(
            f"{name} on digits, accuracy_integer, mean of seeds 0, 1, 2",
            f"{name}_accuracy",
            "at least",
            least,
            MILESTONE,
        ),
        Bar(f"{name}, bytes of weights, largest of the seeds", f"{name}_bytes", "at most", 4096, MILESTONE),
        Bar(f"{name}, float less integer accuracy, mean", f"{name}_loss", "at most", 0.005, MILESTONE),
    )


ENTRY = Benchmark(
    doc="The spine: accuracy on digits, agreement on every board, the promises about generated code.",
    bars=(
        *learner_bars("bonsai", 0.94),
        *learner_bars("protonn", 0.96),
        *learner_bars("fastgrnn", 0.95),
        Bar(
            "vectors on which twin, host and board differ, all models and boards", "mismatches", "at most", 0, MILESTONE
        ),
        Bar("models and boards verified", "pairs", "at least", 17, MILESTONE),
        Bar("models and boards that could not be verified", "unverified", "at most", 0, MILESTONE),
        Bar(
            "anomaly detector: outputs that differ from LiteRT's reference kernels", "detector", "at most", 0, MILESTONE
        ),
        Bar("forest: predictions that differ from scikit-learn's", "forest", "at most", 0, MILESTONE),
        Bar("check_estimator: checks passed, the fewer of both", "checks", "at least", 40, MILESTONE),
        Bar("check_estimator: checks failed", "checks_failed", "at most", 0, MILESTONE),
        Bar(
            "generated code: symbols, floating point and instructions that may not be there",
            "broken_promises",
            "at most",
            0,
            MILESTONE,
        ),
        Bar(
            "four models in one firmware, under UBSan and ASan: outputs that differ",
            "differences_under_sanitizers",
            "at most",
            0,
            MILESTONE,
        ),
        Bar("files that differ between two builds", "files_that_differ_between_builds", "at most", 0, MILESTONE),
        Bar("QEMU: vectors whose outputs differ from unicorn's", "second_opinion_outputs", "at most", 0, MILESTONE),
        Bar(
            "QEMU: spread of the instructions apart from unicorn's count",
            "second_opinion_spread",
            "at most",
            1,
            MILESTONE,
        ),
        Bar("kernel mutants caught", "mutants", "at least", 10, MILESTONE),
        Bar("kernel mutants missed", "mutants_missed", "at most", 0, MILESTONE),
        Bar("import edgewright, seconds", "import_seconds", "at most", 0.3, MILESTONE),
        Bar("torch or scikit-learn imported by the deployment wing", "heavy", "at most", 0, MILESTONE),
        Bar("edgewright build on digits with Bonsai, seconds", "build_seconds", "at most", 60, MILESTONE, "aim"),
    ),
    units=units,
    summarise=summarise,
    table=table,
)
