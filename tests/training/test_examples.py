import pytest
import torch

from edgewright.errors import BadData, BadInput
from edgewright.training import Examples, augmentations, examples


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


AFFINE = augmentations.get("affine")


def images(n=12, bytes=False):
    x = torch.rand(n, 36, generator=generator())
    return (x * 255).round() if bytes else x


def test_copies_follow_the_originals_with_their_labels_and_scores():
    x, y = images(), torch.arange(12)
    asked = []

    def teach(rows):
        asked.append(rows)
        return rows[:, :2] * 2

    found = examples.with_copies(x, y, AFFINE, generator(), copies=3, shape=(6, 6), teach=teach)
    assert found.x.shape == (48, 36)
    assert torch.equal(found.x[:12], x)
    assert torch.equal(found.y, y.repeat(4))
    assert torch.equal(found.teacher, found.x[:, :2] * 2)
    assert len(asked) == 4
    assert found.drawn == 12
    for copy in (1, 2, 3):
        assert 0.01 < float((found.x[12 * copy : 12 * copy + 12] - x).abs().mean()) < 0.3


def test_pixels_that_are_bytes_stay_bytes():
    found = examples.with_copies(images(bytes=True), torch.arange(12), AFFINE, generator(), copies=2, shape=(6, 6))
    assert found.x.dtype == torch.uint8
    assert found.standardised(slice(0, 2)).dtype == torch.float32
    real = AFFINE.apply(images(bytes=True), examples.COPY_STRENGTH, generator(), (6, 6))
    assert (found.x[12:24] - real).abs().max() <= 0.501
    flags = (images() > 0.5).float()  # whole numbers, but rounding their noise would undo it
    noisy = examples.with_copies(flags, torch.arange(12), augmentations.get("noise"), generator(), copies=1)
    assert noisy.x.dtype == torch.float32


def test_batches_are_standardised():
    mean, scale = torch.arange(36) / 10, torch.full((36,), 4.0)
    x, y = images(), torch.arange(12)
    found = Examples(x, y, x[:, :3], rows_per_epoch=8, mean=mean, scale=scale)
    rows = torch.tensor([11, 2])
    batch = found.batch(rows)
    assert torch.allclose(batch[0], (x[rows] - mean) / 4)
    assert batch[1].tolist() == [11, 2]
    assert torch.equal(batch[2], x[rows, :3])
    originals, targets = found.originals()
    assert torch.allclose(originals, (x[:8] - mean) / 4)
    assert targets.tolist() == list(range(8))
    assert torch.equal(Examples(x, y).batch(rows)[0], x[rows])
    assert Examples(x, y).batch(rows)[2] is None


def test_judging_is_harder_than_training():
    x, y = images(50), torch.arange(50)
    judged, targets = examples.for_judging(x, y, AFFINE, generator(), (6, 6))
    assert torch.equal(targets, y.repeat(4))
    copies = examples.with_copies(x, y, AFFINE, generator(), copies=4, shape=(6, 6)).x[50:]
    change, usual = ((part - x.repeat(4, 1)).abs().mean() for part in (judged, copies))
    assert change > 1.1 * usual


def test_parts_that_do_not_fit_are_refused():
    x, y = images(), torch.arange(12)
    with pytest.raises(BadData, match="x has 12: y has 11, teacher has 3"):
        Examples(x, y[:11], x[:3])
    with pytest.raises(BadData, match="rows_per_epoch is 13; allowed: 1 to 12"):
        Examples(x, y, rows_per_epoch=13)
    with pytest.raises(BadData, match="x has 0"):
        Examples(x[:0], y[:0])
    with pytest.raises(BadInput, match="copies is 0; allowed: a whole number from 1 on"):
        examples.with_copies(x, y, AFFINE, generator(), copies=0, shape=(6, 6))
