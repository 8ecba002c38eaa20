from __future__ import annotations

import sys

import pytest
from command_line import Edgewright

from edgewright import boards, catalog, data, engines, estimators, ops
from edgewright.training import augmentations

NAMES = {
    "boards": boards.names(),
    "datasets": data.names(),
    "estimators": (*estimators.names(), "decision-tree", "random-forest"),
    "augmentations": augmentations.names(),
    "operators": ops.names(),
    "engines": engines.names(),
    "exports": ("arduino", "c", "cmake", "esp-idf", "platformio", "zephyr"),
    "commands": catalog.names("edgewright.cli"),
}


@pytest.mark.parametrize("what", NAMES)
def test_every_entry_is_listed_with_what_it_is(what: str, edgewright: Edgewright) -> None:
    result = edgewright("list", what, "--json")
    assert result.code == 0
    entries = result.document[what]
    assert {entry["name"] for entry in entries} == set(NAMES[what])
    assert all(entry["doc"] for entry in entries)


def test_all_catalogues_fit_80_columns(edgewright: Edgewright) -> None:
    result = edgewright("list")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    for what, names in NAMES.items():
        assert f"\n{what}\n" in "\n" + result.out
        assert all(name in result.out for name in names)


def test_a_missing_tool_is_said_with_the_fix(edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    board = next(
        entry for entry in edgewright("list", "boards", "--json").document["boards"] if entry["name"] == "arduino-uno"
    )
    assert "apt-get install" in board["why_not"]


def test_an_unknown_catalogue_suggests_the_nearest(edgewright: Edgewright) -> None:
    result = edgewright("list", "bords")
    assert result.code == 2
    assert "Did you mean 'boards'" in result.err


def test_an_augmentation_is_listed_with_what_it_serves(edgewright: Edgewright) -> None:
    (affine, *_) = edgewright("list", "augmentations", "--json").document["augmentations"]
    assert (affine["name"], affine["serves"]) == ("affine", "image")


def test_without_torch_augmentations_are_listed_with_the_fix(
    edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("edgewright.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = edgewright("list", "augmentations", "--json")
    assert result.code == 0, result.err
    entries = result.document["augmentations"]
    assert [entry["name"] for entry in entries] == list(NAMES["augmentations"])
    assert all("edgewright[train]" in entry["why_not"] for entry in entries)
