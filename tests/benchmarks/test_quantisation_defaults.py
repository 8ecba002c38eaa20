"""The choice of settings for images: what is compared, and on what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quantisation_defaults
from benchmarks.any_model import sources
from edgewright import bench
from edgewright.compiler.settings import DEEP, IMAGES
from edgewright.errors import MissingTool

pytestmark = pytest.mark.slow

ENTRY = bench.get("quantisation-defaults")


def test_the_defaults_are_among_what_is_compared() -> None:
    assert IMAGES in quantisation_defaults.CHOICES.values()
    assert DEEP in quantisation_defaults.CHOICES.values()
    assert len(set(map(str, quantisation_defaults.CHOICES.values()))) == len(quantisation_defaults.CHOICES)
    assert {unit.key for unit in ENTRY.units(True)} < {unit.key for unit in ENTRY.units(False)}
    assert "(the default for images)" in ENTRY.table([])


def test_no_test_image_and_no_calibration_image_is_scored(data_folder: Callable[[str], Path]) -> None:
    data_folder("cifar10_jpeg")
    rows, _ = quantisation_defaults.scored_rows("IC", 3)
    images, _ = sources.photographs("train", sources.TRAINING_IMAGES + 3)
    assert np.array_equal(rows, images[-3:])


def test_a_quick_run_measures_that_the_settings_help(data_folder: Callable[[str], Path]) -> None:
    data_folder("mlperf_tiny")
    made = [record for unit in ENTRY.units(True) for record in unit.run()]
    found = {record.settings["choice"]: record.numbers for record in made}
    assert found["everything"]["snr_db"] > found["nothing"]["snr_db"] + 1
    assert f"{found['nothing']['snr_db']:.1f} |" in ENTRY.table(made)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEWRIGHT_DATA", raising=False)
    sources.real_graph.cache_clear()
    with pytest.raises(MissingTool, match="EDGEWRIGHT_DATA"):
        list(ENTRY.units(True)[0].run())
