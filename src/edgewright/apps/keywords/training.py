"""Training a recurrent model on log-mel bands of raw samples and distorted copies of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright import features
from edgewright.data import Split
from edgewright.data.tables import LARGEST_BYTES
from edgewright.errors import BadData, BadInput, PoorRecordings, UnknownName
from edgewright.features.log_mel import LogMel

FRAMES_A_SECOND, HOPS_A_SECOND = 40, 50  # a frame of 25 ms every 20 ms
STRENGTH = 0.8  # of the distortion of copies

# No part is held out, so that every speaker of the training part is trained on; the last weights count.
SHARED: Mapping[str, Any] = {
    "size_kb": None,
    "standardise": "common",
    "validation_share": 0.0,
    "input_noise": 0.0,
    "augmentation": "mask",
    "copies": 1,
    "epochs": 24,
    "learning_rate": 0.02,
}
OF_A_MODEL: Mapping[str, Mapping[str, Any]] = {
    "fastgrnn": {"hidden": 56},
    "gru": {"hidden": 64, "learning_rate": 0.005},
    "sharnn": {"hidden": 40, "hidden_upper": 28, "brick": 7},
}


@dataclass(frozen=True)
class Choice:
    """The settings that are not the model's own.

    model: an estimator of sequences. distorted: distorted copies of each recording. bands: of the log-mel features. every: seconds from
    one answer to the next, None for as many as a recording lasts. Raises BadInput.
    """

    model: str = "fastgrnn"
    distorted: int = 9
    bands: int = 32
    every: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("distorted", 0), ("bands", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise BadInput(f"{name} is {value!r}; allowed: a whole number from {least} on.")
        if self.every is not None and not (type(self.every) in (int, float) and 0 < self.every < float("inf")):
            raise BadInput(f"every is {self.every!r}; allowed: seconds above 0, or null for once a recording's length.")
        if self.model not in models():
            raise UnknownName("model of sequences", str(self.model), models())

    def samples(self, hertz: float) -> int | None:
        """Return how many samples lie between two answers, one at least; None for as many as a recording has."""
        return None if self.every is None else max(1, round(self.every * hertz))


def models() -> tuple[str, ...]:
    """Return the names of the estimators that a featuriser can stand before."""
    from edgewright import estimators

    return tuple(
        name for name in estimators.names() if "features" in inspect.signature(estimators.get(name)).parameters
    )


def choose(settings: Mapping[str, Any]) -> tuple[Choice, dict[str, Any]]:
    """Return the settings of a user, apart: the application's, and all of the model's. Raises BadInput, UnknownName."""
    from edgewright import estimators

    own = {field.name for field in fields(Choice)}
    choice = Choice(**{name: value for name, value in settings.items() if name in own})
    allowed = set(inspect.signature(estimators.get(choice.model)).parameters) - {"features", "random_state"}
    usual = {**SHARED, **OF_A_MODEL.get(choice.model, {})}
    given = {name: value for name, value in settings.items() if name not in own}
    for name in given:
        if name not in allowed:
            raise UnknownName(f"setting of keywords with {choice.model}", name, allowed | own)
    return choice, {**{name: value for name, value in usual.items() if name in allowed}, **given}


def featuriser_for(split: Split, choice: Choice) -> LogMel:
    """Return the log-mel bands for recordings [n, samples]. Raises BadData, BadInput where they are no sound of one channel."""
    if split.hertz is None:
        raise BadData(
            "It is not known how many samples a second these recordings have. Give WAV files, or say it by --rate HERTZ for a folder."
        )
    rate = round(split.hertz)
    featuriser = LogMel(rate, round(rate / FRAMES_A_SECOND), round(rate / HOPS_A_SECOND), choice.bands)
    samples = features.as_samples(split.x_train)
    featuriser.shape(samples.shape[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorRecordings)  # recordings of silence are silent
        featuriser.check(samples, split.hertz)
    return featuriser


def fit(
    split: Split,
    featuriser: LogMel,
    choice: Choice,
    settings: Mapping[str, Any],
    seed: int,
    say: Callable[[str], None],
) -> Any:
    """Return the estimator, trained on the training part and its distorted copies. Raises BadData, BadInput."""
    from edgewright import estimators

    say(f"distorting {len(split.x_train):,} recordings")
    x, y = with_copies(features.as_samples(split.x_train), split.y_train, choice.distorted, seed)
    say(f"training {choice.model}")
    try:
        return estimators.get(choice.model)(features=featuriser, random_state=seed, **settings).fit(x, y)
    except BadInput:
        raise
    except (TypeError, ValueError) as error:
        raise BadInput(f"The model {choice.model} cannot be trained with these settings: {error}") from error


def with_copies(
    x: npt.NDArray[np.int16], y: npt.NDArray[Any], count: int, seed: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[Any]]:
    """Return recordings [n, ...] and behind them `count` distorted copies of each, with their labels. Raises BadInput for too many."""
    import torch

    from edgewright.training import augmentations

    if (1 + count) * x.nbytes > LARGEST_BYTES:
        raise BadInput(
            f"{count} distorted copies of these recordings take {count * x.nbytes / 1024**2:,.0f} MiB, and all together may take "
            f"{LARGEST_BYTES // 1024**2}; give --set distorted={max(0, LARGEST_BYTES // x.nbytes - 1)} or less."
        )
    rows, generator = torch.tensor(x.astype(np.float32)), torch.Generator().manual_seed(seed)
    distort = augmentations.get("recording").apply
    parts = [distort(rows, STRENGTH, generator, None).round().numpy().astype(np.int16) for _ in range(count)]
    return np.concatenate([x, *parts]), np.tile(y, 1 + count)


def described(choice: Choice, settings: Mapping[str, Any], featuriser: LogMel) -> dict[str, Any]:
    """Return what was chosen, for a record."""
    return {**asdict(choice), **settings, "features": "log-mel", **asdict(featuriser), "hertz": featuriser.sample_rate}
