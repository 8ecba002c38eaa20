"""How models were trained, on the page: loss and validation by epoch, phases marked, several models told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_html import Page
from report_samples import records

from edgewright.errors import BadData
from edgewright.records import Record
from edgewright.report import render_page
from edgewright.report.plots.loss_by_epoch import loss_by_epoch
from edgewright.report.training import Span, phases_table, trainings

pytestmark = pytest.mark.slow

PHASES = ["dense", "dense", "thresholding", "fixed"]
LOSSES = [2.5, 1.5, 1.25, 1.125]


def training(model: str = "bonsai", **columns: Any) -> Record:
    history = {
        "epoch": [0, 1, 2, 3],
        "phase": PHASES,
        "rate": [0.01, 0.008, 0.004, 0.001],
        "loss": LOSSES,
        "validation_loss": [2.0, 1.75, 0.75, 0.5],
        "validation_accuracy": [0.5, 0.6, None, 0.875],
        **columns,
    }
    return Record("training", model, data="digits", seed=0, tables={"history": history})


def without_validation(model: str) -> Record:
    return Record("training", model, tables={"history": {"phase": PHASES, "loss": LOSSES}})


def shown(*given: Record) -> Page:
    return Page(render_page([*records(), *given]))


def plot_of(page: Page) -> str:
    (told,) = (
        attributes["aria-label"]
        for tag, attributes in page.tags
        if tag == "svg" and "validation by epoch" in attributes.get("aria-label", "")
    )
    return told


def test_the_section_is_there_only_where_something_was_trained(sample_page: str) -> None:
    page = shown(training())
    assert "What training minimised" in page.text
    assert page.problems == []
    assert ("a", {"href": "#training"}) in page.tags
    assert "of the kind “training”" not in page.text
    assert "What training minimised" not in Page(sample_page).text


def test_each_phase_has_its_epochs_and_what_it_reached() -> None:
    (found,) = trainings([training()])
    assert found.phases == [Span("dense", 0, 1), Span("thresholding", 2, 2), Span("fixed", 3, 3)]
    rows = shown(training()).tables["What each phase of bonsai reached"]
    assert rows[0] == ["phase", "epochs", "loss", "loss | validation rows", "accuracy | validation rows"]
    assert rows[1] == ["dense", "0 to 1", "1.5000", "1.7500", "0.6000"]
    assert rows[3] == ["fixed", "3 to 3", "1.1250", "0.5000", "0.8750"]


def test_the_plot_marks_the_phases_and_says_what_it_shows() -> None:
    page = shown(training())
    told = plot_of(page)
    assert "bonsai: 4 epochs, phases dense from epoch 0, thresholding from epoch 2, fixed from epoch 3" in told
    assert "training loss 1.1250, validation loss 0.5000, accuracy 0.8750" in told
    svg = loss_by_epoch(trainings([training()])) or ""
    assert all(f">{text}<" in svg for text in ("dense", "thresholding", "fixed", "training", "validation", "accuracy"))


def test_models_are_told_apart() -> None:
    again = replace(training("protonn"), seed=1)
    found = trainings([training(), training("protonn"), again, again])
    names = ["bonsai", "protonn, digits, seed 0", "protonn, digits, seed 1", "protonn, digits, seed 1, run 2"]
    assert [one.name for one in found] == names
    svg = loss_by_epoch(found) or ""
    assert all(f">{name}<" in svg for name in names)
    assert shown(training(), training("protonn"), again, again).problems == []


def test_other_scores_of_the_validation_rows_are_drawn() -> None:
    given = training(validation_accuracy=[None] * 4, validation_r2=[0.1, 0.2, 0.3, 0.4])
    (found,) = trainings([given])
    assert list(found.scores) == ["R²"]
    assert "R² 0.4000" in plot_of(shown(given))


def test_without_validation_rows_only_the_loss_is_drawn() -> None:
    page = shown(without_validation("bonsai"))
    assert "validation loss" not in plot_of(page)
    (found,) = trainings([without_validation("bonsai")])
    table = phases_table(found)
    assert [cell.text for cell in table.rows[0].cells] == ["0 to 1", "1.5000", "–"]
    assert table.notes == ["No rows were kept for validation."]


def test_a_single_epoch_is_a_point() -> None:
    one = Record("training", "bonsai", tables={"history": {"phase": ["dense"], "loss": [1.0]}})
    assert "1 epochs" in (loss_by_epoch(trainings([one])) or "")
    assert loss_by_epoch([]) is None


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a$b_{c}$", '"><svg onload="x">'])
def test_hostile_names_stay_text(name: str) -> None:
    page = shown(training(name, phase=[name] * 4))
    assert page.problems == []
    assert ("script", {}) not in page.tags
    assert name in page.text


@pytest.mark.parametrize(
    "columns",
    [
        {"loss": [1.0, 2.0]},
        {"loss": "four"},
        {"loss": [1.0, 2.0, 3.0, "x"]},
        {"loss": [1.0, 2.0, 3.0, float("inf")]},
        {"validation_loss": [True] * 4},
        {"phase": None},
        {"phase": []},
        {"phase": [1, 2, 3, 4]},
    ],
)
def test_a_damaged_history_is_refused_by_name(columns: dict[str, Any]) -> None:
    with pytest.raises(BadData, match="training record of bonsai is damaged"):
        render_page([*records(), training(**columns)])
