"""Sequences: one list of settings, numbers that are what the records say, references that are trained alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.sequences import (
    agreement,
    bags,
    bars,
    dense_cost,
    emi,
    keywords,
    mnist,
    msc,
    on_boards,
    prepare,
    quantised_training,
    results,
    tables,
    trained,
)
from edgewright import bench, boards, estimators
from edgewright.records import Record


def test_keys_of_units_differ_and_a_quick_run_is_a_part() -> None:
    whole, quick = ([unit.key for unit in bench.get("sequences").units(kind)] for kind in (False, True))
    assert len(whole) == len(set(whole))
    assert set(quick) < set(whole)
    pairs = {f"{agreement.called(one)} on {board}" for one in agreement.LEARNERS for board in boards.names()}
    assert {pair for pair in pairs if not pair.endswith(" on host")} <= set(whole)
    assert set(prepare.trainings()) <= {*whole, *(agreement.called(one) for one in agreement.LEARNERS)}


def test_every_bar_has_a_number_and_nothing_measured_holds_none() -> None:
    reached = results.reached([])
    for bar in bars.all_bars():
        assert bar.key in reached
        assert not bar.holds(reached[bar.key]), bar.measure


def test_every_table_can_be_printed_before_anything_was_measured() -> None:
    assert tables.UNKNOWN in tables.table([])


@pytest.mark.parametrize(
    ("learner", "settings"),
    [
        *(("fastgrnn", mnist.parameters(one, 1, False)) for one in mnist.SETTINGS),
        *((one.learner, keywords.parameters(one, 1, False)) for one in (*keywords.SETTINGS, *dense_cost.SETTINGS)),
        *((emi.learner(one, kind), emi.parameters(one, kind, 1, False)) for one in emi.SETTINGS for kind in one.kinds),
        ("msc", msc.parameters(msc.CASCADE, 1, False)),
        ("fastgrnn", msc.parameters(msc.ONE_TIER, 1, False)),
        *((name, {**agreement.SHARED, **chosen}) for name, chosen in agreement.LEARNERS.items()),
    ],
)
def test_every_setting_is_one_of_its_estimator(learner: str, settings: dict[str, object]) -> None:
    model = estimators.get(learner)(**settings)
    assert model.random_state == settings["random_state"]
    assert model.size_kb is None


def test_every_learner_of_sequences_is_checked_on_boards() -> None:
    sequences = {name for name in estimators.names() if hasattr(estimators.get(name), "features")}
    assert sequences <= {name.replace("_", "-") for name in agreement.LEARNERS}


def of_seeds(name: str, **numbers: float | tuple[float, ...]) -> list[Record]:
    made = []
    for place, seed in enumerate(trained.SEEDS):
        own = {key: value[place] if isinstance(value, tuple) else value for key, value in numbers.items()}
        made.append(Record(trained.ACCURACY, name, seed=seed, numbers={"mismatches": 0, **own}))
    return made


def test_keywords_stand_beside_the_gru_and_logistic_regression() -> None:
    name = keywords.SETTINGS[0].name
    made = of_seeds(name, accuracy_integer=(0.80, 0.81, 0.82), weight_bytes=(5000, 5002, 5001))
    made += [replace(one, what=keywords.REFERENCE) for one in of_seeds(keywords.GRU.name, accuracy_float=0.825)]
    made += [Record(keywords.LOGISTIC, "any", numbers={"accuracy_float": 0.5})]
    found = results.reached(made)
    assert found[f"{name} behind"] == pytest.approx(1.5)
    assert found[f"{name} above"] == pytest.approx(31)
    assert found[f"{name} bytes"] == 5002
    assert results.reached(made[1:])[f"{name} behind"] is None


def test_early_exit_is_counted_in_steps_and_refinement_as_a_gain() -> None:
    made: list[Record] = []
    for one in emi.SETTINGS:
        for kind, right, steps in zip(one.kinds, (0.8, 0.82, 0.81), (128, 32, 40), strict=True):
            made += of_seeds(emi.called(one.name, kind), accuracy_integer=right, steps_executed=steps)
    found = results.reached(made)
    for one in emi.SETTINGS:
        if one.refines:
            assert found[f"{one.name} refinement"] == pytest.approx(1)
        else:
            assert found[f"{one.name} accuracy"] == pytest.approx(2)
            assert found[f"{one.name} steps"] == 4


def test_bags_hold_other_people_in_the_test_and_an_activity_in_a_part(data_folder: Callable[[str], Path]) -> None:
    data_folder("hmp_adl_wrist")
    split = bags.load_split()
    assert split.x_train.shape == (bags.TRAIN_ROWS, bags.STEPS, 3)
    assert set(split.y_test.tolist()) == set(split.labels) == {*bags.SHARES, bags.NOTHING}
    assert np.mean(split.y_train == "Walk") == pytest.approx(bags.SHARES["Walk"], abs=0.05)
    again = bags.load_split()
    assert np.array_equal(split.x_test, again.x_test)


def test_a_cascade_is_compared_by_the_second_on_the_constructed_stream_alone() -> None:
    made = []
    for kind, spent, right in ((msc.CASCADE, 100.0, 0.92), (msc.ONE_TIER, 300.0, 0.9)):
        for seed in trained.SEEDS:
            numbers = {"instructions_per_second": spent, "accuracy_integer": right, "mismatches": 0}
            settings = {"form": on_boards.STREAM}
            made.append(
                Record(
                    on_boards.CHECKED, msc.called(kind), data=msc.STREAM, seed=seed, settings=settings, numbers=numbers
                )
            )
    assert results.reached(made)["cascade_saves"] == 3
    assert results.reached(made)["cascade_stream_accuracy"] == pytest.approx(2)
    assert results.reached([replace(one, data="radhar") for one in made])["cascade_saves"] is None


def test_mismatches_add_up_and_pairs_are_counted_once() -> None:
    name = agreement.called("gru")

    def tried(what: str, board: str, form: str, **numbers: int) -> Record:
        return Record(what, name, board=board, settings={"form": form}, numbers=dict(numbers))

    made = [
        tried(on_boards.CHECKED, "microbit", on_boards.WHOLE, mismatches=2),
        tried(on_boards.CHECKED, "microbit", on_boards.STREAM, mismatches=3),
        tried(on_boards.CHECKED, "microbit", on_boards.STREAM, mismatches=0),
        tried(on_boards.TOO_LARGE, "arduino-uno", on_boards.WHOLE, RAM_bytes_over=10),
    ]
    found = results.reached(made)
    assert (found["mismatches"], found["pairs"], found["faults"]) == (5, 3, 0)
    assert results.reached([*made, tried(on_boards.FAULT, "mkr1000", on_boards.WHOLE)])["faults"] == 1


def test_the_reference_of_keywords_is_never_rounded() -> None:
    x = torch.rand(4, 6, 3, generator=torch.Generator().manual_seed(0))
    first, second = (keywords.FullPrecision(3, 2, 5, torch.Generator().manual_seed(0)) for _ in range(2))
    before = first(x)
    assert torch.equal(before, second(x))
    first.rounded = True
    first.round_matrices()
    first.leave_out(torch.tensor([True, False, False]))
    assert torch.equal(first(x), before)
    assert sum(weight.numel() for weight in first.parameters()) == 3 * 5 * (3 + 5 + 2) + 2 * (5 + 1)


def test_training_without_rounding_has_matrices_of_more_than_8_bits() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 5, 3)).astype(np.float32), np.arange(40) % 2
    settings = {"hidden": 4, "size_kb": None, "epochs": 3, "random_state": 0}
    kinds = (quantised_training.FullPrecision, estimators.get("fastgrnn"))
    unrounded, rounded = (kind(**settings).fit(x, y).module_.output.numpy() for kind in kinds)
    finest = [min(abs(value * 2.0**20 % 1) for value in weights.ravel()) for weights in (unrounded, rounded)]
    assert finest[0] > 0
    assert finest[1] == 0


@pytest.mark.slow
def test_the_constructed_stream_is_nearly_all_clutter(data_folder: Callable[[str], Path]) -> None:
    data_folder("radhar")
    made = msc.stream(quick=False)
    place = sorted(msc.split(quick=False).labels).index(msc.CLUTTER)
    assert np.mean(made.y == place) == pytest.approx(msc.CLUTTER_SHARE, abs=0.03)
    assert np.array_equal(made.x, msc.stream(quick=False).x)


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", ["basic motions: emi seed 0", "radhar: cascade seed 0", "agreement: sharnn on microbit"]
)
def test_a_quick_part_runs_and_its_bits_agree(
    key: str, data_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hmp_adl_wrist", "radhar", "ucr_small"):
        data_folder(name)
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    (unit,) = (one for one in bench.get("sequences").units(quick=True) if one.key == key)
    made = list(unit.run())
    assert made
    assert all(record.numbers["mismatches"] == 0 for record in made)
