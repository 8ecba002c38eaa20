"""What the spine's models answer and cost, held against scikit-learn, LiteRT and every board."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.spine import models
from edgewright import data, deploy, engines, frontends, records
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.errors import DoesNotFit
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.integer import run_integer


def accuracy(name: str, seed: int, quick: bool) -> Iterator[Record]:
    split = data.get("digits").load()
    model = models.fitted(name, seed, quick)
    x_train, x_test = models.rows_of(name, split.x_train), models.rows_of(name, split.x_test)
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
        model, calibration, y = frontends.read(models.detector_path()), None, None
    else:
        model = models.forest() if name == "forest" else models.fitted(name, 0, quick)
        calibration = models.rows_of(name, split.x_train)
    for board in models.BOARDS[:1] if quick else models.BOARDS:
        try:
            firmware = deploy(model, board, calibration, name=name)
        except DoesNotFit as error:
            yield records.make("does not fit", name, board=board, settings={"reason": str(error)})
            continue
        x = models.detector_rows() if name == "detector" else models.rows_of(name, split.x_test)
        few = slice(20 if quick else None)
        yield firmware.report(x[few], y if y is None else y[few], data="digits" if y is not None else "random", seed=0)


def detector_against_litert(quick: bool) -> Iterator[Record]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    graph = frontends.read(models.detector_path())
    rows = (
        np.random.default_rng(0)
        .integers(-128, 128, (5 if quick else models.DETECTOR_INPUTS, *graph.input_type.shape))
        .astype(np.int8)
    )
    interpreter = Interpreter(str(models.detector_path()), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
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
    model = models.forest()
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
