"""FastGRNN whose matrices are products of two thin ones."""

import json
import struct

import numpy as np
import pytest

from edgewright import data, deploy
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import BadInput, BadModelFile
from edgewright.estimators import FastGRNNClassifier, load_estimator, save_estimator
from edgewright.ir.types import dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.training import Phase, Progress

SPLIT = data.get("digits").load().as_sequences()
ROWS = 600
CASES = {
    "both": {"rank_w": 4, "rank_u": 6},
    "W": {"rank_w": 4},
    "U, seen in 8 bits": {"rank_u": 6, "state_view": "int8"},
    "both, sparse, each feature by itself": {"rank_w": 5, "rank_u": 6, "density": 0.5, "standardise": "feature"},
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    settings = {"hidden": 16, "epochs": 24, "batch_rows": 50, "standardise": "common", "random_state": 0}
    model = FastGRNNClassifier(**settings | CASES[request.param])
    return model.fit(SPLIT.x_train[:ROWS], SPLIT.y_train[:ROWS]), CASES[request.param]


def integers(model):
    return to_integers(lower(model), SPLIT.x_train[:200])


def test_the_graph_scores_as_the_module(case):
    model, _ = case
    expected = model.decision_function(SPLIT.x_test)
    assert np.abs(run_float(lower(model), SPLIT.x_test) - expected).max() < 1e-3 * np.abs(expected).max()
    assert (model.predict(SPLIT.x_test) == SPLIT.y_test).mean() > 0.8


def test_the_integers_hold_the_factors_and_answer_as_the_module(case):
    model, settings = case
    graph = integers(model)
    scores = run_integer(graph, quantise_array(SPLIT.x_test, graph.input_type))
    assert (model.classes_[scores.argmax(1)] == model.predict(SPLIT.x_test)).mean() > 0.98
    body = next(node for node in graph.nodes if node.op == "scan").attributes["body"]
    products = {node.output: node for node in body.nodes if node.output[0] in "WU"}
    for name, rank in (("W", settings.get("rank_w")), ("U", settings.get("rank_u"))):
        assert {output for output in products if output[0] == name} == (
            {name} if not rank else {f"{name}1", f"{name}2"}
        )
        if rank:
            assert products[f"{name}1"].inputs["x"] == f"{name}2"
            assert body.types[f"{name}2"].shape == (rank,)
            assert body.types[f"{name}2"].dtype == "int16"
    if settings.get("state_view") == "int8":
        assert products["U2"].inputs["x"] == "view"
        assert body.types["view"].dtype == "int8"


def test_the_c_answers_as_the_integers_and_has_the_bytes_that_were_counted(case):
    model, _ = case
    firmware = deploy(model, "host", SPLIT.x_train[:200], name="m")
    graph = firmware.models["m"].graph
    rows = SPLIT.x_test[:60]
    expected = run_integer(graph, quantise_array(rows, graph.input_type))
    assert np.array_equal(firmware.predict(rows, engine="host"), model.classes_[expected.argmax(1)])
    (entry,) = firmware.program.entries
    weights = sum(size for name, size in entry.constant_bytes.items() if not name.endswith("table"))
    assert weights <= model.size_bytes() < 1.12 * weights


def test_a_density_is_that_of_each_factor():
    settings = {"hidden": 16, "rank_w": 6, "rank_u": 8, "density": 0.25, "epochs": 3, "random_state": 0}
    module = FastGRNNClassifier(**settings).fit(SPLIT.x_train[:100], SPLIT.y_train[:100]).module_
    for name in ("W1", "W2", "U1", "U2"):
        weight = module.array(f"layers.0.{name}")
        assert 0 < np.count_nonzero(weight) <= weight.size // 4


def test_low_rank_leaves_room_for_a_larger_state():
    hidden = {}
    for rank in (None, 4):
        model = FastGRNNClassifier(size_kb=1, rank_w=rank, rank_u=rank, epochs=3, random_state=0)
        model.fit(SPLIT.x_train[:100], SPLIT.y_train[:100])
        assert model.size_bytes() <= 1024
        hidden[rank] = model.settings_["hidden"]
    assert hidden[4] > hidden[None]
    model = FastGRNNClassifier(size_kb=4, rank_u=30, epochs=3, random_state=0)
    assert model.fit(SPLIT.x_train[:100], SPLIT.y_train[:100]).settings_["hidden"] >= 32  # no state below the rank
    with pytest.raises(BadInput, match=r"No FastGRNNClassifier fits size_kb=1: .* smallest takes"):
        FastGRNNClassifier(size_kb=1, rank_u=30, epochs=3).fit(SPLIT.x_train[:100], SPLIT.y_train[:100])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank_w": 9}, "rank_w is 9; allowed: a whole number from 1 to 8"),
        ({"rank_w": 5, "hidden": 4}, "rank_w is 5; allowed: a whole number from 1 to 4"),
        ({"rank_u": 17, "hidden": 16}, "rank_u is 17; allowed: a whole number from 1 to 16"),
        ({"rank_u": 129}, "rank_u is 129; allowed: a whole number from 1 to 128"),
        ({"rank_u": 0}, "rank_u is 0; allowed"),
        ({"rank_w": "4"}, "rank_w is '4'; allowed"),
    ],
)
def test_other_ranks_are_refused_by_name(settings, message):
    with pytest.raises(BadInput, match=message):
        FastGRNNClassifier(size_kb=None, epochs=3, **settings).fit(SPLIT.x_train[:50], SPLIT.y_train[:50])


def test_the_ranks_are_kept_in_the_file(case, tmp_path):
    model, settings = case
    path = tmp_path / "model"
    save_estimator(model, path)
    again = load_estimator(path)
    assert again.settings_ == model.settings_
    assert {name for name in again.settings_ if name.startswith("rank")} == {
        name for name in settings if name.startswith("rank")
    }
    assert lower(again).hash == lower(model).hash
    assert again.size_bytes() == model.size_bytes()


@pytest.mark.parametrize("rank", [0, 17, 3])
def test_a_file_with_another_rank_is_damaged(tmp_path, rank):
    model = FastGRNNClassifier(hidden=16, rank_u=6, epochs=3, random_state=0)
    path = tmp_path / "model"
    save_estimator(model.fit(SPLIT.x_train[:50], SPLIT.y_train[:50]), path)
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    document = json.loads(header["__metadata__"]["edgewright"])
    document["settings"]["rank_u"] = rank
    header["__metadata__"]["edgewright"] = json.dumps(document)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    with pytest.raises(BadModelFile, match="is not a sound estimator file"):
        load_estimator(path)


class Interrupt(Progress):
    def epoch(self, record):
        if record["epoch"] == 1:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on_to_the_same_factors(tmp_path):
    phases = (Phase("fixed", trim="choose", rounding="weights"), Phase("twin", trim="keep", rounding="twin", share=0.5))
    x, y = SPLIT.x_train[:60], SPLIT.y_train[:60]
    settings = {"hidden": 8, "rank_w": 3, "rank_u": 4, "density": 0.5, "epochs": 3, "phases": phases, "random_state": 0}
    straight = FastGRNNClassifier(**settings).fit(x, y)
    with pytest.raises(KeyboardInterrupt):
        FastGRNNClassifier(**settings).fit(x, y, checkpoint=tmp_path / "one", progress=Interrupt())
    resumed = FastGRNNClassifier(**settings).fit(x, y, checkpoint=tmp_path / "one")
    assert np.array_equal(straight.decision_function(x), resumed.decision_function(x))
    graph = integers(straight)
    found = dequantise_array(run_integer(graph, quantise_array(x, graph.input_type)), graph.output_type)
    assert (found.argmax(1) == straight.decision_function(x).argmax(1)).mean() > 0.9
