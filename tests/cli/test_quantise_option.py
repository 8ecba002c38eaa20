"""--quantise: settings of quantisation on the command line, and what each layer costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Edgewright

from edgewright import ir


def test_settings_reach_the_integers(
    float_model: Path, unlabelled: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    given = ["compile", float_model, "--board", "host", "--calibration", unlabelled, "--out", tmp_path / "out"]
    chosen = ["--quantise", "activation=int8", "--quantise", "scales=any", "--quantise", "zero_points=true"]
    result = edgewright(*given, *chosen)
    assert result.code == 0, result.err
    graph = ir.load(tmp_path / "out" / "model.edgewright")
    types = [graph.types[node.output] for node in graph.nodes]
    assert any(type.dtype == "int8" and type.zero_point for type in types)
    assert not any(type.dtype == "int16" for type in types)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("activation", "--quantise activation is not NAME=VALUE; for example --quantise activation=int8"),
        ("activations=int8", "Did you mean 'activation'?"),
        ("activation=int4", "The setting activation cannot be 'int4'"),
    ],
)
def test_bad_settings_are_refused(
    text: str, said: str, float_model: Path, unlabelled: Path, edgewright: Edgewright
) -> None:
    result = edgewright("cost", float_model, "--board", "host", "--calibration", unlabelled, "--quantise", text)
    assert result.code == 2
    assert said in " ".join(result.err.split())


def test_layers_alone(float_model: Path, unlabelled: Path, edgewright: Edgewright) -> None:
    given = ["show", float_model, "layers", "--json"]
    coarse, fine = (
        edgewright(*given, "--calibration", unlabelled, "--quantise", f"activation={dtype}").document["rows"]
        for dtype in ("int8", "int16")
    )
    assert [layer["value"] for layer in coarse] == [layer["value"] for layer in fine]
    assert all(layer["dtype"] == "int8" and layer["output_snr_db"] > 10 for layer in coarse)
    assert coarse[-1]["output_snr_db"] < fine[-1]["output_snr_db"]
    without = edgewright("show", float_model, "layers")
    assert without.code == 2
    assert "--calibration" in without.err
