"""Damaged ONNX files: one clear error, or a graph that computes what the file, as it is now, says."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_oracle import channels_last, file_order
from test_frontends_fuzz import mutations, outcomes_of
from test_onnx_classical import CLASSIFIERS, model
from test_onnx_images import NETWORKS
from test_onnx_quantised import IMAGE, network, qlinear
from test_onnx_recurrent import layer, one_layer

from edgewright.errors import EdgewrightError
from edgewright.frontends.onnx import to_graph
from edgewright.numpy_backend.execute import run_model
from edgewright.runtime.interpret import run_float

MUTATIONS = 100
FILES = {
    "recurrent": one_layer("LSTM", " out", layer("LSTM")),
    "QDQ": network().proto(IMAGE),
    "QLinear": qlinear(),
    "trees": model(
        ("TreeEnsembleClassifier", "in", "label scores", CLASSIFIERS["trees"][1]), outputs=("label", "scores"), newest=3
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    outcomes = outcomes_of(tmp_path / "m.onnx", mutations(FILES[name].SerializeToString(), MUTATIONS, 5))
    assert outcomes["BadModelFile"] > MUTATIONS // 4
    assert outcomes["graph"] > 0


@pytest.mark.parametrize("name", ["a classifier", "squeeze and excitation", "branches"])
def test_what_is_still_read_is_right(name: str, tmp_path: Path) -> None:
    path, x = (
        tmp_path / "m.onnx",
        np.random.default_rng(0).normal(0.0, 1.0, (2, *NETWORKS[name].shape)).astype(np.float32),
    )
    compared = 0
    for data in mutations(NETWORKS[name].proto().SerializeToString(), MUTATIONS, 6):
        path.write_bytes(data)
        try:
            graph = to_graph(path)
        except EdgewrightError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # weights that are now NaN or huge
            (expected,) = run_model(onnx.load_from_string(data), {"in": x})
            actual = file_order(run_float(graph, channels_last(x)), expected, image=True)
        assert actual.shape == expected.shape
        if np.all(np.isfinite(expected)) and np.abs(expected).max() < 1e6:
            assert np.abs(actual - expected).max() <= 1e-3 * max(1.0, np.abs(expected).max())
            compared += 1
    assert compared > MUTATIONS // 10
