"""Texts that a person has reviewed: graphs before and after quantisation, and the C of a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from golden_files import check_golden
from small_graphs import dense_tanh, recurrent, rows_for

from edgewright.compiler.emit import Golden, emit
from edgewright.compiler.pipeline import to_integers
from edgewright.ir import Graph, quantise_array, to_text
from edgewright.runtime.integer import run_integer

Check = Callable[[str, str], None]


def integers_of(graph: Graph) -> Graph:
    return to_integers(graph, rows_for(graph))


@pytest.mark.parametrize("graph", [dense_tanh(), recurrent("stacked", reverse=True)], ids=lambda graph: graph.name)
def test_graphs(graph: Graph, golden: Check) -> None:
    golden(f"{graph.name}.float.txt", to_text(graph) + "\n")
    golden(f"{graph.name}.integer.txt", to_text(integers_of(graph)) + "\n")


@pytest.mark.parametrize("graph", [dense_tanh(), recurrent()], ids=lambda graph: graph.name)
def test_c(graph: Graph, golden: Check) -> None:
    quantised = integers_of(graph)
    inputs = quantise_array(rows_for(graph, 2, seed=1), quantised.input_type)
    program = emit({graph.name: quantised}, golden={graph.name: Golden(inputs, run_integer(quantised, inputs))})
    for file, text in program.files.items():
        golden(file, text)


def test_a_missing_file_says_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"no golden file .*new\.txt.*--update-golden"):
        check_golden(tmp_path / "new.txt", "text", update=False)
    assert not list(tmp_path.iterdir())


def test_a_difference_is_shown(tmp_path: Path) -> None:
    check_golden(tmp_path / "some.txt", "one\ntwo\n", update=True)
    check_golden(tmp_path / "some.txt", "one\ntwo\n", update=False)
    with pytest.raises(AssertionError, match=r"(?s)some\.txt differs.*--update-golden.*-two\n\+three"):
        check_golden(tmp_path / "some.txt", "one\nthree\n", update=False)


def test_rows_are_the_same_everywhere() -> None:
    """The golden files rest on seeded rows."""
    assert np.round(rows_for(dense_tanh(), 1), 6).tolist() == [[0.25146, -0.26421, 1.280845]]
