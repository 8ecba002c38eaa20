"""Digits: a random forest and a small network from scikit-learn, beside the generators of `benchmarks.rivals`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from benchmarks.any_model import fixed
from benchmarks.rivals import building, cases, environment, measuring
from benchmarks.rivals.generators import Sources
from edgewright import boards, data, deploy, records
from edgewright.compiler.emit import emit
from edgewright.compiler.library import C_TYPES
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import Settings
from edgewright.engines import get as get_engine
from edgewright.engines import pack_inputs
from edgewright.errors import MissingTool
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

SEEDS = (0, 1, 2)
CORES = {"m4": "stm32f405", "m0": "microbit"}
UNO = "arduino-uno"
FOREST = Settings(input="int8")  # the features are integers, 0 to 16
NETWORK = Settings(activation="int8", input="int8")
RIVALS = (
    "emlearn_inline",
    "emlearn_inline_scaled",
    "emlearn_inline_soft",
    "emlearn_loadable",
    "emlearn_loadable_scaled",
)


@cache
def forest() -> Graph:
    """Return the integers of the forest of `benchmarks.rivals`."""
    case = cases.get("forest")
    return to_integers(lower(case.estimator), case.x_train, FOREST)


@cache
def network(seed: int) -> tuple[Any, Graph]:
    """Return the network 64-32-10 fitted on features 0 to 1 with a seed, and its integers."""
    from sklearn.neural_network import MLPClassifier

    split = data.get("digits").load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may stop before it has converged
        estimator = MLPClassifier((32,), max_iter=500, random_state=seed).fit(split.x_train / 16, split.y_train)
    return estimator, to_integers(lower(estimator), split.x_train / 16, NETWORK)


def forest_unit(quick: bool) -> Iterator[Record]:
    """Measure the forest on the emulated M4 up to the class, every test row. Raises MissingTool."""
    case, board = cases.get("forest"), boards.get(CORES["m4"])
    if problem := building.why_not(CORES["m4"]):
        raise MissingTool(problem)
    graph = forest()
    program = emit({"model": graph}, "model", features=board.cpu.features)
    type = graph.input_type
    given = C_TYPES[type.dtype]
    sources = Sources(
        files={name: text for name, text in program.files.items() if "selftest" not in name},
        adapter=f'#include "model.h"\nvoid rival_run(const {given} *x, int32_t *y) {{ *y = model_predict(x); }}\n',
        input=type.dtype,
        inputs=type.size,
        output="int32",
        outputs=1,
        gives="class",
        rows=lambda values: np.asarray(quantise_array(values, type)).astype(type.dtype),
    )
    found = building.build(sources, CORES["m4"])
    rows = slice(20 if quick else None)
    vectors = building.vectors_of(sources, case.x_test[rows])
    run = get_engine("unicorn").run(found.image, building.NAME, vectors)
    assert run.instructions is not None
    predicted = case.estimator.classes_[building.outputs_of(sources, run.outputs)]
    twin = case.estimator.classes_[run_integer(graph, sources.rows(case.x_test)).argmax(axis=1)]
    yield records.make(
        "forest",
        case.doc,
        data="digits",
        seed=0,
        board=CORES["m4"],
        engine="unicorn",
        compiler=found.image.compiler,
        flags=found.image.flags,
        graph_hash=graph.hash,
        settings={"input": type.dtype, "gives": "class"},
        numbers={
            "rows": len(twin),
            "different_predictions": int(np.sum(twin != case.predictions)),
            "rows_on_board": len(predicted),
            "different_predictions_on_board": int(np.sum(predicted != case.predictions[rows])),
            "instructions_per_inference": float(run.instructions.mean()),
            "instructions_largest": int(run.instructions.max()),
            "flash_bytes": found.flash_bytes,
            "ram_bytes": found.ram_bytes,
            "stack_bytes": run.stack_bytes,
        },
    )


def rival_unit(generator: str, quick: bool) -> Iterator[Record]:
    """Measure the same forest as a rival writes it, with the same compiler at -O2."""
    if not quick:
        environment.install()
    yield measuring.measured(generator, "forest", CORES["m4"], "-O2", 20 if quick else None)


def network_unit(seed: int, quick: bool) -> Iterator[Record]:
    """Measure one network: accuracy, then M4, M0 and the Uno, up to the scores. Raises MissingTool."""
    split = data.get("digits").load()
    estimator, graph = network(seed)
    x = np.asarray(quantise_array(split.x_test / 16, graph.input_type)).astype(graph.input_type.dtype)
    real = run_float(lower(estimator), split.x_test / 16).argmax(axis=1)
    integer = run_integer(graph, x).argmax(axis=1)
    common: dict[str, Any] = {"data": "digits", "seed": seed, "graph_hash": graph.hash}
    yield records.make(
        "network accuracy",
        "MLP 64-32-10",
        numbers={
            "rows": len(x),
            "accuracy_sklearn": float(estimator.score(split.x_test / 16, split.y_test)),
            "accuracy_float": float(np.mean(estimator.classes_[real] == split.y_test)),
            "accuracy_integer": float(np.mean(estimator.classes_[integer] == split.y_test)),
        },
        **common,
    )
    few = x[: 5 if quick else 50]
    for core, board in CORES.items():
        image = fixed.built(emit({"model": graph}, features=boards.get(board).cpu.features), board)
        run = get_engine("unicorn").run(image, "model", pack_inputs(fixed.entry_of(image.program), [few]))
        assert run.instructions is not None
        yield records.make(
            "network cost",
            "MLP 64-32-10",
            board=board,
            engine="unicorn",
            compiler=image.compiler,
            flags=image.flags,
            settings={"core": core},
            numbers={
                "rows": len(few),
                "instructions_per_inference": float(run.instructions.mean()),
                "flash_bytes": image.flash_bytes,
                "ram_bytes": image.ram_bytes,
                "stack_bytes": run.stack_bytes,
            },
            **common,
        )
    yield _on_uno(graph, few, common)


def _on_uno(graph: Graph, rows: Array, common: dict[str, Any]) -> Record:
    firmware = deploy(graph, UNO)
    run = firmware.compare(rows).run
    image = firmware.image
    assert run.instructions is not None or run.cycles is not None
    numbers = {
        "rows": len(rows),
        "cycles_per_inference": None if run.cycles is None else float(run.cycles.mean()),
        "flash_bytes": image.flash_bytes,
        "ram_bytes": image.ram_bytes,
        "buffer_bytes": graph.input_type.nbytes + graph.output_type.nbytes,
        "stack_bytes": run.stack_bytes,
    }
    built: dict[str, Any] = {"engine": image.engine, "compiler": image.compiler, "flags": image.flags}
    settings = {"core": "uno"}
    return records.make(
        "network cost", "MLP 64-32-10", board=UNO, settings=settings, numbers=numbers, **built, **common
    )
