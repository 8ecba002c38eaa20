import pytest
import torch

from edgewright.errors import BadData, UnknownName
from edgewright.training import augmentations
from edgewright.training.augmentations import affine


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def disc(height, width, n=1):
    """A bright disc in the middle of a dark image."""
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    inside = (down - (height - 1) / 2) ** 2 + (across - (width - 1) / 2) ** 2 < (min(height, width) / 4) ** 2
    return (20.0 + 200.0 * inside).expand(n, height, width).reshape(n, -1)


DATA = {
    "affine": (torch.rand(40, 64, generator=generator()), (8, 8)),
    "warp": (torch.rand(40, 20, 3, generator=generator()), None),
    "noise": (torch.rand(40, 5, generator=generator()), None),
    "mask": (torch.rand(40, 20, 12, generator=generator()), None),
    "recording": (1000 * torch.sin(torch.arange(400) * 0.02 + torch.arange(40)[:, None]), None),
}


def test_every_augmentation_serves_a_kind_of_data():
    assert set(augmentations.names()) == set(DATA)
    assert {augmentations.get(name).serves for name in DATA} == {"image", "sequence", "table", "recording"}
    with pytest.raises(UnknownName, match=r"no augmentation named 'afine'\. Did you mean 'affine'\?"):
        augmentations.get("afine")


@pytest.mark.parametrize("name", DATA)
def test_rows_change_by_their_own_chance_and_more_with_more_strength(name):
    x, shape = DATA[name]
    apply = augmentations.get(name).apply
    before = x.clone()
    changes = [float((apply(x, strength, generator(), shape) - x).abs().mean()) for strength in (0.0, 0.5, 1.0)]
    assert changes[0] < 1e-5
    assert changes[0] < changes[1] < changes[2] < float(x.std())
    distorted = apply(x, 1.0, generator(), shape)
    assert distorted.shape == x.shape
    assert distorted.dtype == torch.float32
    assert torch.equal(x, before)
    assert torch.equal(apply(x, 1.0, generator(), shape), distorted)
    assert not torch.equal(apply(x, 1.0, generator(1), shape), distorted)
    same = apply(x[:1].expand_as(x).contiguous(), 1.0, generator(), shape)
    distinct = len(torch.unique(same, dim=0))
    if name == "noise":
        assert distinct == 1  # equal rows have no deviation to scale noise by
    else:
        assert distinct > len(x) / 2 if name == "mask" else distinct == len(x)  # some masks are alike by chance


@pytest.mark.parametrize("shape", [(16, 16), (28, 28), (12, 20)])
def test_a_disc_stays_about_the_disc_it_was(shape):
    x = disc(*shape, n=200)
    distorted = augmentations.get("affine").apply(x, 1.0, generator(), shape).view(-1, *shape)
    brightness = (distorted - 20).sum((1, 2)) / float((x[0] - 20).sum())
    assert 0.95 < brightness.mean() < 1.06
    assert 0.7 < brightness.min() < brightness.max() < 1.4
    assert distorted.min() >= 20 - 1e-3
    assert distorted.max() <= 220 + 1e-3
    # The centre moves by up to 0.12 half heights and half widths, and half a pixel of reading between pixels
    places = torch.arange(shape[0], dtype=torch.float32)
    rows = ((distorted - 20).sum(2) * places).sum(1) / (distorted - 20).sum((1, 2)) - (shape[0] - 1) / 2
    assert 0.3 * 0.06 * shape[0] < rows.abs().max() < 0.06 * shape[0] * 1.3


def test_a_rotation_keeps_the_proportions_of_wide_images(monkeypatch):
    for name in ("SCALE", "SHEAR", "SHIFT"):
        monkeypatch.setattr(affine, name, 0.0)
    monkeypatch.setattr(affine, "ROTATION", 1.5)
    x = disc(12, 24, n=50)
    assert (affine.apply(x, 1.0, generator(), (12, 24)) - x).abs().mean() < 0.06 * 200


def test_the_noise_of_a_table_leaves_constants_alone_and_follows_the_deviation():
    x = torch.randn(4000, 3, generator=generator()) * torch.tensor([1.0, 100.0, 0.0]) + 7
    moved = augmentations.get("noise").apply(x, 1.0, generator(), None) - x
    assert moved[:, 2].abs().max() == 0
    assert torch.allclose(moved.std(0)[:2], torch.tensor([0.2, 20.0]), rtol=0.05)


def test_a_sequence_moves_in_time():
    x = torch.zeros(300, 20, 1)
    x[:, 10] = 1.0
    places = augmentations.get("warp").apply(x, 1.0, generator(), None).squeeze(2).argmax(1)
    assert set(places.tolist()) == {8, 9, 10, 11, 12}


@pytest.mark.parametrize(
    ("name", "x", "shape", "message"),
    [
        ("affine", torch.zeros(3, 64), None, r"affine distorts images: give image_shape=.* For tables choose noise"),
        ("affine", torch.zeros(3, 64), (8, 7), r"product must be the 64 values of a row; it is \(8, 7\)"),
        ("warp", torch.zeros(3, 64), None, r"warp distorts sequences \[n, steps, features\], not rows of shape \[64\]"),
        ("warp", torch.zeros(3, 8, 8), (8, 8), "For images choose affine"),
        ("noise", torch.zeros(3, 8, 8), None, r"noise distorts tables .* for sequences warp"),
        ("noise", torch.zeros(3, 64), (8, 8), "For images choose affine"),
    ],
)
def test_the_wrong_kind_of_data_is_refused(name, x, shape, message):
    with pytest.raises(BadData, match=message):
        augmentations.get(name).apply(x, 1.0, generator(), shape)


def test_a_mask_hides_one_stretch_of_steps_and_one_band():
    x = 1 + torch.rand(200, 20, 12, generator=generator())
    distorted = augmentations.get("mask").apply(x, 1.0, generator(), None)
    changed = distorted != x
    steps, features = changed.all(2), changed.all(1)
    assert torch.equal(changed, steps[:, :, None] | features[:, None, :])
    for hidden, most in ((steps, 2), (features, 1)):
        lengths = hidden.sum(1)
        assert set(lengths.tolist()) == set(range(most + 1))
        jumps = (hidden[:, 1:] != hidden[:, :-1]).sum(1)
        assert int(jumps.max()) <= 2
    assert torch.allclose(distorted[changed], x.mean((0, 1)).expand_as(x)[changed])


def test_a_recording_is_played_at_another_speed_and_loudness_but_within_the_extremes():
    places = torch.arange(4000)
    x = (20000 * torch.sin(places * 0.1)).expand(60, -1).contiguous()
    distorted = augmentations.get("recording").apply(x, 1.0, generator(), None)
    assert float(distorted.abs().max()) <= float(x.abs().max())
    loudness = distorted.square().mean(1).sqrt() / x.square().mean(1).sqrt()
    assert float(loudness.min()) < 0.4
    assert float(loudness.max()) > 1.1
    crossings = (distorted[:, 1:].sign() != distorted[:, :-1].sign()).sum(1).double()
    assert float(crossings.std()) > 3


@pytest.mark.parametrize("name", ["mask", "recording"])
def test_other_data_is_refused_with_what_serves_it(name):
    x = torch.rand(5, 64, 2, 2, generator=generator())
    with pytest.raises(BadData, match="For images choose affine, for tables noise"):
        augmentations.get(name).apply(x, 1.0, generator(), None)
