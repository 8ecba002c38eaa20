import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, log_loss, r2_score

from edgewright.errors import BadInput
from edgewright.training.objectives import classification, regression, several_labels


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_classification():
    scores, y, teacher = random(20, 4), torch.arange(20) % 4, random(20, 4, seed=1)
    shares = torch.softmax(scores, 1).numpy()
    metrics = classification().metrics(scores, y)
    assert metrics["validation_loss"] == pytest.approx(log_loss(y, shares))
    assert metrics["validation_accuracy"] == pytest.approx((shares.argmax(1) == y.numpy()).mean())
    assert float(classification().loss(scores, y, None)) == pytest.approx(log_loss(y, shares))
    smooth = classification(label_smoothing=0.2)
    uniform = -float(torch.log_softmax(scores, 1).mean())
    assert float(smooth.loss(scores, y, None)) == pytest.approx(0.8 * log_loss(y, shares) + 0.2 * uniform)
    p, q = (torch.softmax(value / 2, 1) for value in (teacher, scores))
    divergence = float((p * (p / q).log()).sum(1).mean())
    assert float(classification().loss(scores, y, teacher)) == pytest.approx(
        0.1 * log_loss(y, shares) + 0.9 * 4 * divergence
    )
    assert float(classification().loss(scores, y, teacher + 5)) == pytest.approx(
        float(classification().loss(scores, y, teacher))
    )
    only = classification(teacher_share=1.0, temperature=3.0)
    assert float(only.loss(scores, y, scores)) == pytest.approx(0, abs=1e-12)


def test_regression():
    scores, y, teacher = random(30, 2), random(30, 2, seed=1), random(30, 2, seed=2)
    metrics = regression().metrics(scores, y)
    assert metrics["validation_loss"] == pytest.approx(float(((scores - y) ** 2).mean()))
    assert metrics["validation_r2"] == pytest.approx(r2_score(y, scores))
    assert regression().metrics(y, torch.ones_like(y))["validation_r2"] == 0
    expected = 0.5 * ((scores - y) ** 2).mean() + 0.5 * ((scores - teacher) ** 2).mean()
    assert float(regression(0.5).loss(scores, y, teacher)) == pytest.approx(float(expected))


def test_several_labels():
    scores, y = random(30, 5), (random(30, 5, seed=1) > 0).double()
    metrics = several_labels().metrics(scores, y)
    assert metrics["validation_f1"] == pytest.approx(f1_score(y, scores > 0, average="micro"))
    best = scores.argmax(1).numpy()
    assert metrics["validation_precision_at_1"] == pytest.approx(y.numpy()[np.arange(30), best].mean())
    shares = torch.sigmoid(scores)
    cross = float(-(y * shares.log() + (1 - y) * (1 - shares).log()).mean())
    assert metrics["validation_loss"] == pytest.approx(cross)
    assert float(several_labels().loss(scores, y, None)) == pytest.approx(cross)
    teacher = random(30, 5, seed=3).requires_grad_()
    several_labels(teacher_share=1.0).loss(teacher, y, teacher.detach()).backward()
    assert teacher.grad.abs().max() < 1e-9  # the teacher's own scores are the best there are
    assert several_labels().metrics(-torch.ones(3, 2), torch.zeros(3, 2))["validation_f1"] == 0


def test_bad_settings_are_all_named():
    with pytest.raises(
        BadInput, match=r"label_smoothing is 1; (.|\n)*teacher_share is -1; (.|\n)*temperature is 0; allowed: above 0"
    ):
        classification(label_smoothing=1, teacher_share=-1, temperature=0)
    with pytest.raises(BadInput, match="teacher_share is 2"):
        regression(2)
