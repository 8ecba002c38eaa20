import numpy as np
import pytest
import torch

from edgewright import data
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import Settings
from edgewright.errors import BadInput
from edgewright.estimators import BonsaiClassifier, FastGRNNClassifier, ProtoNNClassifier
from edgewright.ir.types import dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.nn.bonsai import Bonsai
from edgewright.runtime.integer import run_integer
from edgewright.training import DEFAULT_PHASES, Examples, Phase, Schedule, train, twin
from edgewright.training.objectives import classification

DIGITS = data.get("digits").load()
X, Y = DIGITS.x_train[:500], DIGITS.y_train[:500]
PHASES = (*DEFAULT_PHASES, Phase("twin", trim="keep", rounding="twin"))
KINDS = [BonsaiClassifier, ProtoNNClassifier, FastGRNNClassifier]


def rows_for(kind, x):
    return x.reshape(-1, 8, 8) if kind is FastGRNNClassifier else x


def answers(model, x, calibration):
    """The real meaning of what the deployed integers give."""
    integers = to_integers(lower(model), calibration)
    made = run_integer(integers, quantise_array(x, integers.input_type).astype(integers.input_type.dtype))
    return dequantise_array(made, integers.output_type).reshape(len(x), -1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_is_what_is_deployed(kind):
    x = rows_for(kind, X)
    model = kind(epochs=4, random_state=0, phases=PHASES).fit(x, Y)
    assert model.history_[-1]["phase"] == "twin"
    calibration = twin.calibration_rows(torch.tensor(x))
    own = twin.Twin(lambda module: model._graph(module, model.standardiser_), calibration)
    assert np.array_equal(own.scores(model.module_, torch.tensor(x)), answers(model, x, calibration).astype(np.float32))


def test_the_loss_is_that_of_the_twin_and_the_gradient_that_of_the_float_view(monkeypatch):
    monkeypatch.setattr(twin, "default_settings", lambda graph: Settings(activation="int8", input="int8"))
    model = ProtoNNClassifier(epochs=3, random_state=0).fit(X, Y)
    own = twin.Twin(lambda module: model._graph(module, model.standardiser_), X[:100])
    learner = model.module_.requires_grad_(True)
    scores = learner(torch.tensor(model.standardiser_(X[:50])))
    seen = own.straight_through(learner, scores, torch.tensor(X[:50]))
    assert torch.allclose(seen.detach(), own.scores(learner, torch.tensor(X[:50])), atol=1e-5)
    assert not torch.allclose(seen, scores, atol=1e-5)
    through, plain = (torch.autograd.grad(value.sum(), learner.B, retain_graph=True)[0] for value in (seen, scores))
    assert torch.equal(through, plain)
    assert plain.abs().max() > 0


def test_training_through_the_twin_makes_its_loss_smaller(monkeypatch):
    monkeypatch.setattr(twin, "default_settings", lambda graph: Settings(activation="int8", input="int8"))
    settings = {
        "prototypes": 10,
        "projection": 5,
        "density": 1.0,
        "input_noise": 0,
        "label_smoothing": 0,
        "validation_share": 0,
    }
    phases = (Phase("weights", rounding="weights"), Phase("last", 3, rounding="twin"))
    model = ProtoNNClassifier(epochs=8, **settings, random_state=0, phases=phases).fit(X, Y)
    losses = [record["loss"] for record in model.history_ if record["phase"] == "last"]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]


def test_the_history_tells_of_the_twin():
    heard = []

    def lower_and_note(module):
        heard.append(module.rounded)
        return model._graph(module, model.standardiser_)

    model = BonsaiClassifier(depth=1, projection=4, epochs=3, random_state=0).fit(X, Y)
    x, y = torch.tensor(model.standardiser_(X)), torch.tensor(Y)
    learner = Bonsai(64, 10, 4, 1, torch.Generator().manual_seed(0))
    examples = Examples(
        torch.tensor(X), y, mean=torch.tensor(model.standardiser_.mean), scale=torch.tensor(model.standardiser_.scale)
    )
    train(
        learner,
        examples,
        Schedule(epochs=4, batch_rows=250, phases=PHASES),
        objective=classification(),
        generator=torch.Generator().manual_seed(0),
        validation=(x[:40], y[:40]),
        lower=lower_and_note,
    )
    assert heard == [False] * 3  # two batches and the validation of the last epoch; rounded for good in the copy
    assert not learner.rounded


def test_an_interruption_in_the_twin_phase_resumes_to_the_same_model(tmp_path):
    from edgewright.training import Progress

    class Interrupt(Progress):
        def epoch(self, record):
            if record["epoch"] == 6:
                raise KeyboardInterrupt

    settings = {"epochs": 8, "random_state": 0, "phases": PHASES}
    whole = BonsaiClassifier(**settings).fit(X, Y)
    resumed = BonsaiClassifier(**settings)
    with pytest.raises(KeyboardInterrupt):
        resumed.fit(X, Y, checkpoint=tmp_path / "fit", progress=Interrupt())
    resumed.fit(X, Y, checkpoint=tmp_path / "fit")
    assert [record["phase"] for record in whole.history_].count("twin") == 2
    assert np.array_equal(resumed.decision_function(X), whole.decision_function(X))


def test_a_twin_phase_without_a_graph_is_refused():
    with pytest.raises(BadInput, match="needs `lower`"):
        train(
            Bonsai(64, 10, 4, 1, torch.Generator()),
            Examples(torch.tensor(X), torch.tensor(Y)),
            Schedule(epochs=4, phases=PHASES),
            objective=classification(),
            generator=torch.Generator(),
        )
