"""The search over sizes: which sizes are trained, what is kept from training, and that the chosen one holds its budgets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from classifier import classifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from edgewright.errors import BadData, BadInput, DoesNotFit, NothingFits, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.ir import Graph
from edgewright.lowering import lower
from edgewright.search import Budgets, Measured, search_sizes, sizes
from edgewright.search.sizes import sizes_of

ROWS = 200
LEAST_KB = 0.5


class Sized(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Something with a size: its graph is another one for each."""

    def __init__(self, size_kb: float = 1.0) -> None:
        self.size_kb = size_kb

    def fit(self, x: Any, y: Any) -> Sized:
        if self.size_kb < LEAST_KB:
            raise BadInput(f"No model fits size_kb={self.size_kb}.")
        self.rows_ = len(x)
        return self


@lower.register
def _(model: Sized) -> Graph:
    return classifier(hidden=round(model.size_kb * 100))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The sizes at which `Sized` is measured: it takes 1,000 bytes of flash more than its size, is more accurate when larger."""
    seen: list[float] = []

    def measured(model: Sized, board: str, *others: Any, size: Any, **options: Any) -> tuple[Measured, ...]:
        seen.append(model.size_kb)
        flash = 1000 + model.size_kb * 1024
        if flash > 9000:
            raise DoesNotFit("far too large", {"flash": 1})
        candidate: Any = SimpleNamespace(accuracy=model.size_kb / 10, name=f"of {model.size_kb}", size=size)
        return (Measured(candidate, model, cast(Any, None), {"flash": flash, "ram": 1.0}, {}),)

    monkeypatch.setattr(sizes, "search_integers", measured)
    monkeypatch.setattr(sizes, "confirm", lambda one, rows: one)
    return seen


def search(budgets: Budgets, **options: Any) -> Any:
    x, y = np.arange(ROWS * 2.0).reshape(-1, 2), np.arange(ROWS) % 2
    return search_sizes(Sized(), "microbit", x, y, budgets, **options)


def test_the_largest_that_fits_is_approached(tried: list[float]) -> None:
    chosen = search(Budgets(flash=4096)).chosen
    best = (4096 - 1000) / 1024
    assert len(tried) == 4
    assert chosen.model.size_kb <= best < chosen.model.size_kb / 0.88**2
    assert chosen.model.size_kb == max(size for size in tried if size <= best)


def test_more_trainings_come_closer(tried: list[float]) -> None:
    search(Budgets(flash=4096), trainings=10)
    best = (4096 - 1000) / 1024
    assert best / max(size for size in tried if size <= best) < 1 / 0.88
    assert len(tried) == len(set(tried)) <= 6


def test_a_size_that_no_model_has_is_not_counted(tried: list[float]) -> None:
    chosen = search(Budgets(flash=1600)).chosen
    assert LEAST_KB <= chosen.model.size_kb <= 600 / 1024


def test_where_even_the_smallest_is_too_large_it_is_still_measured(tried: list[float]) -> None:
    with pytest.raises(NothingFits, match=r"(?s)1 candidate was tried.*needs 1,") as refused:
        search(Budgets(flash=400))
    assert LEAST_KB <= tried[0] < LEAST_KB / 0.88
    assert "It is the smallest, too" in str(refused.value)


def test_a_setting_that_never_works_is_said(tried: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(one: Any, x: Any, y: Any) -> Any:
        raise BadInput("epochs is -1")

    with pytest.raises(BadInput, match="epochs is -1"):
        search(Budgets(flash=4096), fit=never)
    assert not tried


def test_what_no_size_helps_is_said_at_once(tried: list[float]) -> None:
    trained: list[Any] = []

    def unlike(one: Any, x: Any, y: Any) -> Any:
        trained.append(one)
        return one.fit(x, y) and object()

    with pytest.raises(UnsupportedModel, match="no way to lower"):
        search(Budgets(flash=4096), fit=unlike)
    assert len(trained) == 1


def test_a_board_that_is_too_small_says_so(tried: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_search_sizes.LEAST_KB", 20.0)
    with pytest.raises(DoesNotFit, match="far too large"):
        search(Budgets(ram=100))


def test_without_a_budget_of_flash_sizes_stay_sensible(tried: list[float]) -> None:
    search(Budgets(ram=100))
    assert max(tried) <= 32


def test_a_fifth_is_kept_from_training(tried: list[float]) -> None:
    found = search(Budgets(flash=4096))
    assert found.chosen.model.rows_ == ROWS - ROWS // 5
    assert found.validation_rows == ROWS // 5


def test_one_that_needs_more_on_more_rows_is_passed_over(tried: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def confirm(one: Measured, rows: Any) -> Measured:
        needs = {**one.needs, "ram": 900.0 if one.model.size_kb > 2 else 1.0}
        return Measured(one.candidate, one.model, one.firmware, needs, {})

    monkeypatch.setattr(sizes, "confirm", confirm)
    found = search(Budgets(flash=4096, ram=500))
    assert found.chosen.model.size_kb == max(size for size in tried if size <= 2)


def test_trees_grow_by_their_own_settings() -> None:
    assert [size["max_depth"] for size in sizes_of(DecisionTreeClassifier())] == list(range(1, 17))
    forests = [size["n_estimators"] * 2 ** size["max_depth"] for size in sizes_of(RandomForestClassifier())]
    assert forests == sorted(set(forests))


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (LogisticRegression(), "cannot choose the size of a LogisticRegression"),
        (DecisionTreeRegressor(), "DecisionTreeRegressor has none; choose a classifier"),
    ],
)
def test_what_has_no_size_or_no_classes_is_refused(estimator: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        sizes_of(estimator)


def test_too_few_rows_are_refused() -> None:
    x, y = np.ones((3, 2)), np.array([0, 0, 1])
    with pytest.raises(BadData, match="at least 2 rows"):
        search_sizes(DecisionTreeClassifier(), "microbit", x, y, Budgets())


def test_several_classes_a_row_are_refused() -> None:
    with pytest.raises(BadData, match=r"one class a row, y \[n\]; this y is \[30, 2\]"):
        search_sizes(DecisionTreeClassifier(), "microbit", np.ones((30, 2)), np.ones((30, 2)), Budgets())


def test_the_chosen_tree_holds_its_budgets_on_the_board() -> None:
    x, y = load_digits(return_X_y=True)
    budgets = Budgets(flash=700, ram=40, instructions=200)
    found = search_sizes(DecisionTreeClassifier(random_state=0), "microbit", x[:600], y[:600], budgets, trainings=3)
    chosen = found.chosen
    firmware = deploy(chosen.model, "microbit", found.calibration, settings=chosen.candidate.settings)
    assert firmware.models["model"].graph.hash == chosen.candidate.graph.hash
    numbers = firmware.report(x[:480], y[:480]).numbers
    assert numbers["verified"] == 1
    assert numbers["flash_bytes"] <= 700
    assert numbers["ram_bytes"] + numbers["stack_bytes"] <= 40
    assert numbers["instructions_per_inference"] <= 200
    fitting = [one for one in found.measured if not budgets.over(one.needs)]
    assert len(fitting) < len(found.measured)
    assert chosen.candidate.accuracy == max(one.candidate.accuracy for one in fitting)
    records = found.records("digits", seed=0)
    assert [record.what for record in records] == ["candidate"] * len(found.measured)
    assert sum(record.numbers["chosen"] for record in records) == 1
    assert {record.numbers["budget_flash_bytes"] for record in records} == {700}
