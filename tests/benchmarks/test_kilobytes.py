"""Kilobytes: one list of settings, numbers that are what the records say, and float builds that compute what the graph means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.kilobytes import accuracy, ancestors, bars, float_build, models, on_boards, results, tables, teachers
from benchmarks.rivals import building, generators, measuring
from edgewright import bench, boards, data, engines, estimators
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Type
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.interpret import run_float

FIRST = models.MODELS[0]


def test_keys_of_units_differ_and_a_quick_run_is_a_part() -> None:
    whole, quick = ([unit.key for unit in bench.get("kilobytes").units(kind)] for kind in (False, True))
    assert len(whole) == len(set(whole))
    assert set(quick) < set(whole)
    names = [setting.name for setting in models.MODELS]
    assert {f"{name} seed {seed}" for name in names for seed in (0, 1, 2)} <= set(whole)
    assert {f"{name} on {board}" for name in names for board in boards.names() if board != "host"} <= set(whole)


def test_every_bar_has_a_number_and_nothing_measured_holds_none() -> None:
    reached = results.reached([])
    for bar in bars.all_bars():
        assert bar.key in reached
        assert not bar.holds(reached[bar.key]), bar.measure


def test_every_table_can_be_printed_before_anything_was_measured() -> None:
    assert tables.UNKNOWN in tables.table([])


@pytest.mark.parametrize("setting", models.MODELS, ids=lambda setting: setting.name)
def test_every_setting_is_one_of_its_estimator_and_follows_the_protocol(setting: models.Setting) -> None:
    chosen = models.parameters(setting, 1, False)
    model = estimators.get(setting.learner)(**chosen)
    assert model.random_state == 1
    assert (model.validation_share, model.input_noise, model.label_smoothing) == (0, 0, 0)
    assert (model.augmentation, model.copies, model.size_kb) == ("affine", 10, None)
    height, width = model.image_shape
    assert height * width == {"usps": 256, "mnist": 784}[setting.data]


def trained(seed: int, integer: float, real: float = 0.96, nbytes: int = 2000) -> Record:
    numbers = {"accuracy_integer": integer, "accuracy_float": real, "weight_bytes": nbytes, "mismatches": 0}
    return Record(accuracy.ACCURACY, FIRST.name, data="usps", seed=seed, numbers=numbers)


def test_an_accuracy_counts_when_all_seeds_are_there() -> None:
    two = [trained(0, 0.95), trained(1, 0.96)]
    assert results.reached(two)[f"{FIRST.name} accuracy"] is None
    assert results.reached([*two, trained(2, 0.955)])[f"{FIRST.name} accuracy"] == pytest.approx(95.5)


def test_weights_count_as_the_most_of_any_seed_and_packed_ones_beside() -> None:
    made = [trained(seed, 0.95, nbytes=2000 + seed) for seed in models.SEEDS]
    assert results.reached(made)[f"{FIRST.name} bytes"] == 2002
    packed = Record(on_boards.CHECKED, FIRST.name, board="microbit", numbers={"weight_bytes": 2100, "mismatches": 0})
    assert results.reached([*made, packed])[f"{FIRST.name} bytes"] == 2002
    assert results.packed_bytes([*made, packed], FIRST) == 2100


def test_the_worst_loss_is_that_of_all_models() -> None:
    made = []
    for place, setting in enumerate(models.MODELS):
        made += [replace(trained(seed, 0.95 - place / 1000, 0.951), model=setting.name) for seed in models.SEEDS]
    most = 0.1 + (len(models.MODELS) - 1) / 10
    assert results.reached(made)["points_lost"] == pytest.approx(most)
    assert results.reached(made[:-1])["points_lost"] is None


def cost(core: str, kernels: str, compiler: str, value: float, name: str = FIRST.name) -> Record:
    settings = {"core": core, "kernels": kernels, "compiler": compiler}
    numbers = {"instructions_per_inference": value, "mismatches": 0}
    return Record(on_boards.COST, name, settings=settings, numbers=numbers)


def test_what_counts_are_our_kernels_by_gcc() -> None:
    made = [
        cost("m4", on_boards.PLAIN, "gcc", 1.0),
        cost("m4", on_boards.OURS, "zig", 2.0),
        cost("m0", on_boards.OURS, "gcc", 3.0),
        cost("m4", on_boards.OURS, "gcc", 4.0),
    ]
    assert results.reached(made)["fastgrnn_m4"] == 4
    assert results.counted(made, FIRST.name, "m4", "instructions_per_inference", kernels=on_boards.PLAIN) == 1
    assert results.counted(made, FIRST.name, "m3", "instructions_per_inference") is None


def real_build(name: str, value: float, same: int = 1) -> Record:
    numbers = {"instructions_per_inference": value, "same_to_rounding": same}
    return Record(ancestors.FLOAT, name, settings={"core": "m0"}, numbers=numbers)


def test_float_builds_are_compared_by_the_least_gain() -> None:
    names = results.FLOAT_MODELS
    made = [cost("m0", on_boards.OURS, "gcc", 100.0, name) for name in names]
    made += [real_build(name, 100.0 * times) for name, times in zip(names, (20, 6, 10), strict=True)]
    assert results.reached(made)["times_float"] == 6
    assert results.reached(made)["float_different"] == 0
    assert results.reached(made[:-1])["times_float"] is None
    assert results.reached([*made, real_build(names[0], 1.0, same=0)])["float_different"] == 1


def test_mismatches_add_up_and_pairs_are_counted_once() -> None:
    checked = [
        Record(on_boards.CHECKED, FIRST.name, board=board, numbers={"mismatches": wrong, "weight_bytes": 1})
        for board, wrong in (("microbit", 2), ("bluepill", 3), ("microbit", 0))
    ]
    small = Record(on_boards.TOO_LARGE, FIRST.name, board="arduino-uno", numbers={"flash_bytes_over": 10})
    found = results.reached([*checked, small, cost("m0", on_boards.OURS, "gcc", 1.0)])
    assert (found["mismatches"], found["pairs"], found["faults"]) == (5, 3, 0)
    fault = Record(on_boards.FAULT, FIRST.name, board="mkr1000")
    assert results.reached([*checked, fault])["faults"] == 1


def test_a_rival_without_a_reason_is_noticed() -> None:
    settings = {"case": "forest"}
    made = [
        Record(measuring.MEASURED, "emlearn_inline", settings=settings, numbers={"accuracy": 0.9}),
        Record(measuring.LEFT_OUT, "m2cgen", settings=settings | {"reason": "does not fit"}),
    ]
    assert results.reached(made)["unexplained"] == 0
    assert results.reached([*made, Record(measuring.LEFT_OUT, "micromlgen", settings=settings)])["unexplained"] == 1


def test_rivals_are_generators_that_there_are() -> None:
    for asked in ancestors.GENERATORS.values():
        assert set(asked) <= set(generators.names())


class Counting:
    """A teacher that counts how often it is asked."""

    classes_ = np.arange(3)
    n_features_in_ = 4
    times = 0

    def scores(self, x: Any) -> Any:
        self.times += 1
        return np.asarray(x[:, :3], np.float32)


def test_a_teacher_is_asked_once_about_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    counting: Any = Counting()
    rows = np.random.default_rng(0).random((5, 4), np.float32)
    teacher = teachers.Remembered("first", counting)
    first = teacher.decision_function(rows)
    assert np.array_equal(first, rows[:, :3])
    assert np.array_equal(teachers.Remembered("first", counting).decision_function(rows.copy()), first)
    assert counting.times == 1
    teacher.decision_function(rows + 1)
    teachers.Remembered("second", counting).decision_function(rows)
    assert counting.times == 3


def test_a_teacher_is_kept_by_its_settings() -> None:
    paths = {teachers.TEACHERS[name].path(quick) for name in teachers.TEACHERS for quick in (False, True)}
    assert len(paths) == 4
    assert replace(teachers.TEACHERS["usps"], settings={"epochs": 10}).path(False) not in paths


@pytest.fixture
def fresh(data_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, with usps at hand."""
    data_folder("usps")
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    for function in (teachers.get, teachers.name_of):
        function.cache_clear()
    yield tmp_path
    for function in (teachers.get, teachers.name_of):
        function.cache_clear()


@pytest.mark.slow
def test_a_teacher_is_trained_once_and_named_by_its_weights(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = teachers.name_of("usps", True)
    assert "1 epochs, seed 1, on all training digits of usps" in first
    teachers.name_of.cache_clear()
    teachers.get.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(teachers.CNNClassifier, "fit", lambda *_: pytest.fail("it trains again"))
        assert teachers.name_of("usps", True) == first
    path = teachers.TEACHERS["usps"].path(True)
    path.write_bytes(path.read_bytes()[:100])
    teachers.name_of.cache_clear()
    teachers.get.cache_clear()
    assert teachers.name_of("usps", True) == first


@pytest.mark.slow
def test_a_quick_model_is_trained_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = models.trained(FIRST.name, 0, True)
    assert not list(fresh.rglob("*.checkpoint"))
    with monkeypatch.context() as patched:
        kind = estimators.get(FIRST.learner)
        patched.setattr(kind, "fit", lambda *given, **named: pytest.fail("it trains again"))
        again = models.trained(FIRST.name, 0, True)
    assert (again.real.hash, again.integers.hash) == (first.real.hash, first.integers.hash)
    (kept,) = (fresh / "kilobytes").glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    assert models.trained(FIRST.name, 0, True).real.hash == first.real.hash


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fastgrnn", "protonn", "bonsai"])
@pytest.mark.parametrize("standardise", ["common", "feature"])
def test_a_float_build_gives_the_scores_of_the_graph(name: str, standardise: str) -> None:
    if reason := building.why_not("microbit"):
        pytest.skip(reason)
    split = data.get("digits").load()
    split = split.as_sequences() if name == "fastgrnn" else split
    settings = {"depth": 2, "projection": 8} if name == "bonsai" else {}
    model = estimators.get(name)(
        size_kb=None, epochs=3, random_state=0, standardise=standardise, density=0.3, **settings
    )
    real = lower(model.fit(split.x_train[:300], split.y_train[:300]))
    sources = float_build.sources(real, to_integers(real, split.x_train[:300]))
    assert "sparse(" in sources.files["model.c"].split("model_run")[1]
    found = building.build(sources, "microbit")
    run = engines.get("unicorn").run(found.image, building.NAME, building.vectors_of(sources, split.x_test[:5]))
    wanted = run_float(real, split.x_test[:5])
    assert np.allclose(building.outputs_of(sources, run.outputs), wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_float_build_names_an_operator_that_it_lacks() -> None:
    types = {"x": Type((2, 2)), "y": Type((2, 2))}
    graph = Graph(("x",), ("y",), (Node("transpose", {"x": "x"}, "y", {"order": (1, 0)}),), types)
    with pytest.raises(UnsupportedModel, match=r"no 'transpose'.*'y'"):
        float_build.sources(graph, graph)
