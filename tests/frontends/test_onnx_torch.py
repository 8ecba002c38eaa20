"""Networks of torch, through its own exporter, with an open batch and a fixed one: the graph gives what torch does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.frontends.onnx import to_graph
from edgewright.runtime.interpret import run_float

torch = pytest.importorskip("torch")
nn = torch.nn


class Sequence(nn.Module):  # type: ignore[misc, name-defined]
    """Two recurrent layers and a linear one on the last step."""

    def __init__(self, kind: str, directions: int, batch_first: bool) -> None:
        super().__init__()
        self.layers = getattr(nn, kind)(3, 5, 2, batch_first=batch_first, bidirectional=directions > 1)
        self.scores = nn.Linear(5 * directions, 4)
        self.batch_first = batch_first

    def forward(self, x: Any) -> Any:
        states, _ = self.layers(x)
        return self.scores(states[:, -1] if self.batch_first else states[-1])


class Gated(nn.Module):  # type: ignore[misc, name-defined]
    """Channels that are weighed, resizing both ways, padding of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.weigh, self.last = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 8), nn.Conv2d(8, 4, 1)

    def forward(self, x: Any) -> Any:
        y = torch.relu(self.first(x))
        y = y * torch.sigmoid(self.weigh(y.mean((2, 3))))[:, :, None, None]
        y = nn.functional.interpolate(y, scale_factor=2.0)
        y = nn.functional.interpolate(y, scale_factor=2.0, mode="bilinear")
        return self.last(nn.functional.pad(y, (1, 0, 0, 2)))


class Shuffled(nn.Module):  # type: ignore[misc, name-defined]
    """Depthwise and pointwise layers, halves that change places."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 3, 1, 1, groups=8)),
            *(nn.PReLU(8), nn.Dropout(0.1)),
        )
        self.pool, self.scores = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        first, second = self.layers(x).chunk(2, 1)
        return self.scores(torch.flatten(self.pool(torch.cat([second, first], 1)), 1))


class Series(nn.Module):  # type: ignore[misc, name-defined]
    """Convolutions over a series, then a recurrent layer over what they give."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(3, 6, 5, 2), nn.BatchNorm1d(6), nn.ELU(), nn.MaxPool1d(2))
        self.steps, self.scores = nn.GRU(6, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        states, _ = self.steps(self.layers(x).transpose(1, 2))
        return self.scores(states)


NETWORKS: dict[str, tuple[Any, tuple[int, ...], int]] = {
    **{
        f"{kind}, {directions}, batch {'first' if first else 'second'}": (
            lambda kind=kind, directions=directions, first=first: Sequence(kind, directions, first),
            (4, 7, 3) if first else (7, 4, 3),
            0 if first else 1,
        )
        for kind in ("RNN", "LSTM", "GRU")
        for directions, first in ((1, False), (2, True))
    },
    "gated": (Gated, (2, 3, 8, 8), 0),
    "shuffled": (Shuffled, (2, 3, 8, 8), 0),
    "series": (Series, (2, 3, 20), 0),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("open_batch", [True, False])
def test_a_network(name: str, open_batch: bool, tmp_path: Path) -> None:
    make, shape, batch_at = NETWORKS[name]
    torch.manual_seed(0)
    network, path, x = make().eval(), tmp_path / "torch.onnx", torch.randn(*shape)
    axes = {"dynamic_axes": {"x": {batch_at: "n"}}} if open_batch else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, (x.narrow(batch_at, 0, 1),), str(path), dynamo=False, input_names=["x"], **axes)
    except (ImportError, TypeError, RuntimeError) as error:
        pytest.skip(f"torch.onnx cannot export here: {error}")
    graph = to_graph(path)
    with torch.no_grad():
        expected = network(x).numpy()
    rows = np.moveaxis(x.numpy(), batch_at, 0)
    recurrent = name.startswith(("RNN", "LSTM", "GRU"))
    actual = run_float(graph, rows if recurrent else np.moveaxis(rows, 1, -1))
    actual = np.moveaxis(actual, -1, 1) if actual.ndim == 4 else actual
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < 1e-5
    assert "transpose" not in {node.op for node in graph.nodes}
