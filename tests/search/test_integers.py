"""The search over the integers of one model: what is tried, what is built, and that the figures are the board's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from classifier import classifier, rows

from edgewright.compiler.settings import Settings
from edgewright.errors import BadData, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.search import Budgets, Measured, front, search_integers
from edgewright.search.candidates import Judge

GRAPH = classifier()
CALIBRATION, _ = rows(GRAPH, 200)
X, Y = rows(GRAPH, 300, seed=1)


@pytest.fixture(scope="module")
def found() -> tuple[Measured, ...]:
    return search_integers(GRAPH, "microbit", CALIBRATION, X, Y)


def test_widths_inputs_and_storage_are_tried(found: tuple[Measured, ...]) -> None:
    settings = [one.candidate.settings for one in found]
    assert {one.activation for one in settings} == {"int8", "int16"}
    assert {one.input for one in settings} == {"int8", "int16"}
    assert {how for one in settings for how in one.storage.items()} == {("thin", "dense")}
    assert any(one.widths and set(one.widths.values()) == {"int8"} for one in settings)


def test_no_integers_are_built_twice(found: tuple[Measured, ...]) -> None:
    hashes = [one.candidate.graph.hash for one in found]
    assert len(hashes) == len(set(hashes))


def test_the_figures_are_those_of_the_same_settings_deployed(found: tuple[Measured, ...]) -> None:
    one = next(one for one in found if one.candidate.settings.widths)
    firmware = deploy(GRAPH, "microbit", CALIBRATION, settings=one.candidate.settings)
    assert firmware.models["model"].graph.hash == one.candidate.graph.hash
    numbers = firmware.report(X, Y).numbers
    assert one.needs["flash"] == numbers["flash_bytes"]
    assert one.needs["ram"] == numbers["ram_bytes"] + numbers["stack_bytes"]
    assert one.needs["instructions"] == pytest.approx(numbers["instructions_per_inference"], rel=0.02)
    assert one.needs["ms"] == pytest.approx(numbers["milliseconds_estimated"], rel=0.02)
    assert one.candidate.accuracy == numbers["accuracy_integer"]


def test_fewer_bits_take_less_memory(found: tuple[Measured, ...]) -> None:
    arenas = {
        one.candidate.settings.activation: one.firmware.plan().arena_bytes
        for one in found
        if one.candidate.settings.input == one.candidate.settings.activation and not one.candidate.settings.storage
    }
    assert arenas["int8"] < arenas["int16"]


def test_a_matrix_stored_otherwise_takes_more_bytes(found: tuple[Measured, ...]) -> None:
    for one in found:
        if one.candidate.settings.storage:
            plain = replace(one.candidate.settings, storage={})
            (other,) = (each for each in found if each.candidate.settings == plain)
            sizes = [sum(array.nbytes for array in each.candidate.graph.constants.values()) for each in (one, other)]
            assert sizes[0] > sizes[1]


def test_what_is_too_large_by_its_bytes_alone_is_not_built(found: tuple[Measured, ...]) -> None:
    constants = [sum(one.firmware.program.entries[0].constant_bytes.values()) for one in found]
    limit = sorted(set(constants))[1]
    fewer = search_integers(GRAPH, "microbit", CALIBRATION, X, Y, Budgets(flash=limit))
    assert {one.candidate.graph.hash for one in fewer} <= {
        one.candidate.graph.hash for one, size in zip(found, constants, strict=True) if size <= limit
    }


def test_where_all_are_too_large_the_smallest_is_built() -> None:
    (only,) = search_integers(GRAPH, "microbit", CALIBRATION, X, Y, Budgets(flash=10))
    assert only.needs["flash"] > 10


def test_the_front_of_a_search_holds_the_most_accurate(found: tuple[Measured, ...]) -> None:
    best = max(one.candidate.accuracy for one in found)
    kept = front(found)
    assert any(one.candidate.accuracy == best for one in kept)
    assert len(kept) < len(found)


def test_sensitive_activations_stay_wide_the_longest() -> None:
    judge = Judge(GRAPH, CALIBRATION, X, Y)
    alone = {
        value: next(judge.candidates([Settings(widths={value: "int8"})])).error for value in ("z", "squashed", "scores")
    }
    first = next(judge.one_by_one())
    assert list(first.settings.widths) == [min(alone, key=lambda value: alone[value])]


def test_a_model_in_integers_or_without_classes_is_refused(found: tuple[Measured, ...]) -> None:
    with pytest.raises(UnsupportedModel, match="classifier in float"):
        search_integers(found[0].candidate.graph, "microbit", CALIBRATION, X, Y)
    with pytest.raises(UnsupportedModel, match="classifier in float"):
        search_integers(replace(GRAPH, labels=()), "microbit", CALIBRATION, X, Y)
    with pytest.raises(BadData, match="0 rows and 3 classes"):
        search_integers(GRAPH, "microbit", CALIBRATION, X[:0], np.array(["a", "b", "c"]))
