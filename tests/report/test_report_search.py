"""What a search tried, on the page: its front, the one that was chosen, its budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_html import Page
from report_samples import records

from edgewright.records import Record
from edgewright.report import render_page
from edgewright.report.candidates import budgets, front_table, searches


def candidate(name: str, accuracy: float | None, flash: int, milliseconds: float | None = 1.5, **marks: int) -> Record:
    numbers = {
        "accuracy_validation": accuracy,
        "validation_rows": 250,
        "flash_bytes": flash,
        "ram_bytes": 40,
        "stack_bytes": 60,
        "instructions_per_inference": 9000.0,
        "milliseconds_estimated": milliseconds,
        "budget_flash_bytes": 4096,
        "budget_ram_bytes": 1024,
        "fits": int(flash <= 4096),
        "on_front": 1,
        "chosen": 0,
        **marks,
    }
    return Record(
        "candidate", "bonsai", board="microbit", engine="unicorn", settings={"candidate": name}, numbers=numbers
    )


TRIED = [
    candidate("beaten", 0.8, 4200, on_front=0),
    candidate("small", 0.85, 1000),
    candidate("the one", 0.9, 4000, chosen=1),
    candidate("large", 0.95, 5000),
]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_page([*records(), *TRIED]))


def test_the_section_is_there_only_where_something_was_searched(page: Page, sample_page: str) -> None:
    assert "What the search tried" in page.text
    assert "What the search tried" not in Page(sample_page).text
    assert page.problems == []
    assert "of the kind “candidate”" not in page.text


def test_the_front_is_shown_best_first_and_the_chosen_one_is_marked(page: Page) -> None:
    (search,) = searches(TRIED)
    table = front_table(search)
    assert [row.heads[0].text for row in table.rows] == ["large", "the one", "small"]
    assert [row.cells[-1].text for row in table.rows] == ["no", "chosen", "yes"]
    over = [cell.text for cell in table.rows[0].cells if cell.kind == "bad"]
    assert over == ["5,000", "no"]
    assert (
        "4 candidates, judged on 250 validation rows; the budgets: flash 4,096 bytes, RAM with the stack 1,024 bytes."
        in page.text
    )


def test_the_plot_says_what_it_shows(page: Page) -> None:
    (told,) = (
        attributes["aria-label"]
        for tag, attributes in page.tags
        if tag == "svg" and "candidates for bonsai on microbit" in attributes.get("aria-label", "")
    )
    assert "the one: 90.0 % with 3.9 KB" in told
    assert "beaten" not in told


def test_a_need_that_is_not_known_has_its_reason() -> None:
    (search,) = searches([candidate("counted", 0.9, 900, None, chosen=1), candidate("timed", 0.8, 800)])
    table = front_table(search)
    assert table.rows[0].cells[3].text == "–"
    assert table.notes == ["There is no table of cycles for the core."]


def test_models_and_boards_are_searches_of_their_own() -> None:
    others = [replace(record, board="bluepill") for record in TRIED]
    assert [search.name for search in searches([*TRIED, *others])] == ["bonsai on microbit", "bonsai on bluepill"]
    assert searches([candidate("damaged", None, 900)]) == []
    assert budgets(searches(TRIED)[0]) == "flash 4,096 bytes, RAM with the stack 1,024 bytes"


def test_a_hostile_name_stays_text() -> None:
    hostile = '"><img src=x onerror=alert(1)>\x1b[31m'
    shown = Page(render_page([*records(), candidate(hostile, 0.9, 900, chosen=1)]))
    assert not [tag for tag, _ in shown.tags if tag == "img"]
    assert shown.problems == []
