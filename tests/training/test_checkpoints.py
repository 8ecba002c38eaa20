import dataclasses
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from edgewright.errors import BadInput, BadModelFile, TrainingStopped
from edgewright.nn.bonsai import Bonsai
from edgewright.nn.protonn import ProtoNN
from edgewright.training import Examples, Progress, Schedule, train
from edgewright.training.objectives import classification

SETTINGS = Schedule(epochs=9, batch_rows=20, patience=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=120, seed=5):
    y = torch.arange(n) % 3
    x = torch.randn(n, 6, generator=generator(seed))
    x[:, 1] += 2.0 * (y == 1)
    x[:, 4] += 2.0 * (y == 2)
    return x, y


MAKES = {
    "bonsai": lambda seed=0: Bonsai(6, 3, 4, 1, generator(seed)),
    "protonn": lambda seed=0: ProtoNN(6, 3, 4, 6, generator(seed)),
}


def fit(learner, settings=SETTINGS, seed=0, data=None, densities=None, validation=None, **more):
    examples = Examples(*(data or rows()))
    return train(
        learner,
        examples,
        settings,
        objective=classification(0.1),
        generator=generator(seed),
        densities=dict.fromkeys(learner.matrices[:1], 0.5) if densities is None else densities,
        validation=validation or rows(30, seed=8),
        **more,
    )


class Interrupt(Progress):
    def __init__(self, at):
        self.at, self.heard = at, []

    def epoch(self, record):
        self.heard.append(record["epoch"])
        if record["epoch"] == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", MAKES)
@pytest.mark.parametrize("at", [0, 4, 7])
def test_an_interrupted_training_ends_with_the_same_model(tmp_path, name, at):
    whole = MAKES[name]()
    history = fit(whole)
    assert any(record["phase"] == "fixed" for record in history)
    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(MAKES[name](), checkpoint=path, progress=Interrupt(at))
    resumed, listener = MAKES[name](), Interrupt(None)
    assert fit(resumed, checkpoint=path, progress=listener) == history
    assert listener.heard == [record["epoch"] for record in history]
    for weight, other in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(weight, other)


def test_an_interruption_within_an_epoch_loses_that_epoch_only(tmp_path):
    calls = []

    class Stubborn(Bonsai):
        def forward(self, x, hard=False):
            calls.append(len(x))
            if len(calls) == 12:
                raise KeyboardInterrupt
            return super().forward(x, hard)

    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(Stubborn(6, 3, 4, 1, generator()), checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        fit(Stubborn(6, 3, 4, 1, generator()), checkpoint=path, progress=Interrupt(0))
    assert len(calls) == 12  # the first epoch, six batches and the validation, was not run again


def test_a_training_that_is_done_is_done_at_once(tmp_path):
    path = tmp_path / "run.checkpoint"
    first, second = MAKES["bonsai"](), MAKES["bonsai"]()
    history = fit(first, checkpoint=path)
    second.forward = None  # must not be needed
    assert fit(second, checkpoint=path) == history
    assert torch.equal(first.Z, second.Z)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": dataclasses.replace(SETTINGS, epochs=10)}, "settings: epochs was 9, is 10."),
        ({"settings": dataclasses.replace(SETTINGS, learning_rate=0.02)}, "settings: learning_rate was 0.01, is 0.02."),
        ({"densities": {"Z": 0.4}}, "settings: densities was {'Z': 0.5}, is {'Z': 0.4}."),
        ({"data": rows(seed=6)}, r"data: x was \[120, 6\]"),
        ({"validation": rows(31, seed=8)}, "data: validation x was"),
        ({"seed": 1}, "seed: generator was"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(tmp_path, change, message):
    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(MAKES["bonsai"](), checkpoint=path, progress=Interrupt(0))
    before = path.read_bytes()
    with pytest.raises(BadInput, match=f"belongs to another training(.|\n)*{message}"):
        fit(MAKES["bonsai"](), checkpoint=path, **change)
    assert path.read_bytes() == before


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(MAKES["bonsai"](), checkpoint=path, progress=Interrupt(0))
    with pytest.raises(BadInput, match="model: class was Bonsai, is ProtoNN"):
        fit(MAKES["protonn"](), checkpoint=path)
    with pytest.raises(BadInput, match=r"model: W was \[9, 4\], is \[21, 4\]"):
        fit(Bonsai(6, 3, 4, 2, generator()), checkpoint=path)


def test_damaged_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(MAKES["bonsai"](), checkpoint=path, progress=Interrupt(0))
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(content)
        for place in random.integers(0, 2000, 3):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged[: random.integers(1, len(damaged))]))
        with pytest.raises(BadInput):
            fit(MAKES["bonsai"](), checkpoint=path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(BadModelFile, match="it is no checkpoint of version 1"):
        fit(MAKES["bonsai"](), checkpoint=path)


def test_a_checkpoint_lacking_a_tensor_is_refused(tmp_path):
    from safetensors import safe_open

    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(MAKES["bonsai"](), checkpoint=path, progress=Interrupt(3))
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    for name in ("learner.Z", "random"):
        save_file({key: value for key, value in tensors.items() if key != name}, path, metadata)
        with pytest.raises(BadModelFile, match="not a sound checkpoint"):
            fit(MAKES["bonsai"](), checkpoint=path)


def test_a_training_that_stopped_resumes_to_the_same_stop(tmp_path):
    class Spoilt(Bonsai):
        """Becomes NaN in the second of its phases, which depends on nothing but the data."""

        def begin_step(self, phase_progress):
            super().begin_step(phase_progress)
            if self.rounded:
                self.Z.data[0, 0] = torch.nan

    path = tmp_path / "run.checkpoint"
    found = []
    for _ in range(2):
        learner = Spoilt(6, 3, 4, 1, generator())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = fit(learner, checkpoint=path)
        assert [warning.category for warning in caught] == [TrainingStopped]
        found.append((len(history), str(caught[0].message), learner.Z.detach().clone()))
    assert found[0][:2] == found[1][:2]
    assert found[0][0] == 6
    assert torch.equal(found[0][2], found[1][2])
