"""Tables for the terminal."""

import io
from dataclasses import replace

import pytest
from report_samples import NO_SIMAVR, record
from rich.console import Console

from edgewright.errors import BadInput
from edgewright.report.tables import deploy_table


def shown(records, width=80):
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(deploy_table(records))
    return file.getvalue()


def test_table_fits_80_columns_and_cuts_nothing(sample_records):
    text = shown(sample_records)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for line in ("microbit      5,266   242    88    10,986", "arduino-uno   6,425   242    61    34,058 3.45"):
        assert line in text
    assert text.count("0/564") == 16


def test_long_names_and_large_numbers_fit_too():
    large = record(
        "ad_autoencoder", "stm32f405", model="a_model_with_a_rather_long_name_that_goes_on", board="board-" * 8
    )
    numbers = {
        "instructions_per_inference": 12_345_678.0,
        "milliseconds": 12_345.678,
        "vectors": 100_000,
        "ram_bytes": 123_456,
    }
    text = shown([replace(large, numbers={**large.numbers, **numbers})])
    assert max(map(len, text.splitlines())) <= 80
    for number in ("270,243", "123,456", "12,345,678", "12,345.68", "0/100,000"):
        assert number in text


def test_missing_numbers_are_dashes_with_notes():
    text = shown([record("fastgrnn", "arduino-uno")])
    row = next(line for line in text.splitlines() if line.startswith("fastgrnn"))
    assert row.split()[2:] == ["–¹", "–¹", "–¹", "–¹", "–¹", "95.37", "–¹"]
    assert NO_SIMAVR in " ".join(text.split())


def test_a_model_that_is_too_large_says_so_with_its_reason():
    text = shown([record("ad_autoencoder", "microbit")])
    assert "too large¹" in text
    assert "¹ The model does not fit microbit: over by 236032 bytes of flash" in " ".join(text.split())


def test_mismatches_are_counted():
    wrong = record("bonsai", "microbit")
    assert "3/564" in shown([replace(wrong, numbers={**wrong.numbers, "mismatches": 3, "verified": 0})])


def test_names_are_no_markup_and_no_control_codes():
    text = shown([record("bonsai", "microbit", model="[red]x[/red]", board="\x1b[31mb")], width=200)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text


def test_no_deploy_record_is_refused():
    with pytest.raises(BadInput, match="there are 0 records, of nothing"):
        deploy_table([])
