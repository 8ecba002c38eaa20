"""The built-in teacher for images: a few small convolutional networks whose mean score the learners imitate."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgewright.errors import BadData, BadInput, BadModelFile, list_problems
from edgewright.files import write_file
from edgewright.training import augmentations
from edgewright.training.progress import Progress
from edgewright.training.threads import threads

FORMAT, VERSION = "edgewright-cnn", 1
LARGEST_FILE = 256 * 1024 * 1024
LARGEST_COUNT = 65536
EVALUATION_ROWS = 100  # what stays within a core's cache
SMALLEST_SIDE = 4  # two poolings leave one pixel
LARGEST_SIDE = 1024

Floats = npt.NDArray[np.float32]


class CNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An ensemble of small convolutional networks for images of one channel, trained on fresh affine distortions in every epoch.

    members: networks. channels: of the first half, twice as many in the second. epochs, batch_rows, peak_rate (of the one-cycle
    learning rate), label_smoothing, dropout: of the training. threads: that torch may use. random_state: seed, a whole number.

    Fitted: classes_, n_features_in_, image_shape_, networks_, level_ and span_ (pixels are taken as (x - level) / span), history_.
    """

    def __init__(
        self,
        *,
        members: int = 2,
        channels: int = 20,
        epochs: int = 14,
        batch_rows: int = 100,
        peak_rate: float = 0.004,
        label_smoothing: float = 0.05,
        dropout: float = 0.3,
        threads: int = 1,
        random_state: int = 1,
    ) -> None:
        self.members = members
        self.channels = channels
        self.epochs = epochs
        self.batch_rows = batch_rows
        self.peak_rate = peak_rate
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Any, y: Any, image_shape: tuple[int, int], *, progress: Progress | None = None) -> CNNClassifier:
        """Train on raw images X [n, ...] of height times width values each, and labels y [n]. Returns self.

        Raises BadInput for parameters, BadData for data that cannot be used. KeyboardInterrupt passes through, and leaves no
        half-trained model.
        """
        self._check_parameters()
        images = _images(X, image_shape)
        labels = np.asarray(y)
        if labels.shape != (len(images),):
            raise BadData(f"y must hold one label for each of the {len(images)} images; its shape is {labels.shape}.")
        classes, indices = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise BadData("y holds one class only; a classifier needs at least two classes.")
        if len(images) < 2:
            raise BadData("A batch of one image cannot be normalised; at least two are needed.")
        low, high = float(images.min()), float(images.max())
        level, span = (low + high) / 2, (high - low) or 1.0
        listener = progress or Progress()
        listener.begin(self.members * self.epochs)
        try:
            with threads(self.threads), torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.random_state)
                networks = [
                    _network(self.channels, len(classes), image_shape, self.dropout) for _ in range(self.members)
                ]
                targets = torch.tensor(indices)
                history: list[dict[str, Any]] = []
                for member, network in enumerate(networks):
                    self._train(network, (images - level) / span, targets, member, history, listener)
        finally:
            listener.end()
        self.classes_, self.n_features_in_, self.image_shape_ = classes, image_shape[0] * image_shape[1], image_shape
        self.level_, self.span_, self.networks_, self.history_ = level, span, networks, history
        return self

    def _train(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        member: int,
        history: list[dict[str, Any]],
        listener: Progress,
    ) -> None:
        """Train one network on images [n, 1, height, width], -0.5 to 0.5."""
        distort = augmentations.get("affine").apply
        generator = torch.Generator().manual_seed(int(torch.randint(2**31 - 1, ())))
        batches = max(1, len(images) // self.batch_rows)  # the rest would make a batch too small to normalise
        optimiser = torch.optim.Adam(network.parameters())
        rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.peak_rate, total_steps=self.epochs * batches)
        for epoch in range(self.epochs):
            fresh = distort(images, 1.0, generator, (images.shape[2], images.shape[3]))
            order = torch.randperm(len(images), generator=generator)
            total = 0.0
            for rows in order[: max(batches * self.batch_rows, 2)].tensor_split(batches):
                scores = network(fresh[rows].contiguous(memory_format=torch.channels_last))
                loss = functional.cross_entropy(scores, targets[rows], label_smoothing=self.label_smoothing)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                rates.step()
                total += float(loss.detach()) / batches
            if not math.isfinite(total):
                raise BadInput(
                    f"The teacher went astray: the loss is {total} in epoch {epoch}. Give a smaller peak_rate than "
                    f"{self.peak_rate}."
                )
            history.append({"epoch": member * self.epochs + epoch, "phase": f"network {member}", "loss": total})
            listener.epoch(history[-1])
        network.eval().requires_grad_(False)

    @torch.no_grad()
    def scores(self, X: Any) -> Floats:
        """Return the mean scores (logits) of the networks [n, classes] for raw images. Raises BadData."""
        check_is_fitted(self)
        images = (_images(X, self.image_shape_) - self.level_) / self.span_
        networks = [_fused(network) for network in self.networks_]
        with threads(self.threads):
            parts = [
                torch.stack([network(part) for network in networks]).mean(0)
                for part in torch.split(images, EVALUATION_ROWS)
            ]
        means: Floats = torch.cat(parts).numpy()
        return means

    def predict_proba(self, X: Any) -> Floats:
        """Return the softmax of the scores [n, classes]."""
        shares: Floats = functional.softmax(torch.tensor(self.scores(X)), 1).numpy()
        return shares

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the predicted labels [n]."""
        labels: npt.NDArray[Any] = self.classes_[self.scores(X).argmax(1)]
        return labels

    def _check_parameters(self) -> None:
        rules = {
            "members": (1 <= self.members <= LARGEST_COUNT, "at least 1"),
            "channels": (1 <= self.channels <= LARGEST_COUNT, "at least 1"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_rows": (self.batch_rows >= 2, "at least 2"),
            "peak_rate": (0 < self.peak_rate < math.inf, "above 0"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "a share from 0 to below 1"),
            "dropout": (0 <= self.dropout < 1, "a share from 0 to below 1"),
            "threads": (self.threads >= 1, "at least 1"),
            "random_state": (isinstance(self.random_state, int), "a whole number"),
        }
        wrong = [
            f"{name} is {getattr(self, name)!r}; allowed: {rule}." for name, (right, rule) in rules.items() if not right
        ]
        if wrong:
            raise BadInput(list_problems("This teacher cannot be trained:", wrong))


def save_cnn(teacher: CNNClassifier, path: str | Path) -> None:
    """Write a fitted ensemble to one safetensors file, whole or not at all. Raises BadInput, CannotWrite."""
    check_is_fitted(teacher)
    labels = teacher.classes_.tolist()
    if not all(isinstance(label, str | int | float) for label in labels):
        raise BadInput(f"Classes can be saved that are text or numbers, and these are {teacher.classes_.dtype}.")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "parameters": teacher.get_params(),
        "classes": labels,
        "image_shape": list(teacher.image_shape_),
        "level": teacher.level_,
        "span": teacher.span_,
        "history": teacher.history_,
    }
    tensors = {
        f"{member}.{name}": value.contiguous()
        for member, network in enumerate(teacher.networks_)
        for name, value in network.state_dict().items()
    }
    write_file(Path(path), save(tensors, {"edgewright": json.dumps(document)}))


def load_cnn(path: str | Path) -> CNNClassifier:
    """Return the ensemble in a file that `save_cnn` wrote; nothing in it is executed. Raises BadModelFile."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE:,} bytes")
        with safe_open(path, framework="pt") as file:
            document = json.loads((file.metadata() or {}).get("edgewright", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        return _built(document, tensors)
    except OSError as error:
        raise BadModelFile(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
        raise BadModelFile(f"{path} is not a sound teacher file: {error}. Save it again by save_cnn.") from error


def _built(document: Any, tensors: dict[str, torch.Tensor]) -> CNNClassifier:
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"it does not come from save_cnn, version {VERSION}")
    teacher = CNNClassifier(**document["parameters"])
    teacher._check_parameters()
    height, width = (int(side) for side in document["image_shape"])
    labels = document["classes"]
    if (
        not SMALLEST_SIDE <= min(height, width) <= max(height, width) <= LARGEST_SIDE
        or not 2 <= len(labels) < LARGEST_COUNT
    ):
        raise ValueError("its images or classes have an impossible size")
    teacher.classes_ = np.array(labels)
    if teacher.classes_.dtype.kind not in "biufU" or len(np.unique(teacher.classes_)) != len(labels):
        raise ValueError("its classes are not different texts or numbers")
    teacher.image_shape_, teacher.n_features_in_ = (height, width), height * width
    teacher.level_, teacher.span_ = float(document["level"]), float(document["span"])
    if not (math.isfinite(teacher.level_) and 0 < teacher.span_ < math.inf):
        raise ValueError("its level and span are not finite numbers")
    teacher.history_ = list(document["history"])
    with torch.device("meta"):
        networks = [
            _network(teacher.channels, len(labels), (height, width), teacher.dropout) for _ in range(teacher.members)
        ]
    for member, network in enumerate(networks):
        own = {
            name.removeprefix(f"{member}."): value for name, value in tensors.items() if name.startswith(f"{member}.")
        }
        if any(value.is_floating_point() and not value.isfinite().all() for value in own.values()):
            raise ValueError("a weight is not finite")
        network.load_state_dict(own, assign=True)
        _channels_last(network).eval().requires_grad_(False)
    teacher.networks_ = networks
    return teacher


def _images(X: Any, shape: tuple[int, int]) -> torch.Tensor:
    """Return raw images as float32 [n, 1, height, width]. Raises BadData."""
    height, width = shape
    if min(shape) < SMALLEST_SIDE or max(shape) > LARGEST_SIDE:
        raise BadData(f"image_shape is {shape}; allowed: sides from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels.")
    try:
        values = np.ascontiguousarray(X, np.float32)
    except (TypeError, ValueError) as error:
        raise BadData(f"X does not hold numbers: {error}") from error
    if values.ndim < 2 or len(values) == 0 or values[0].size != height * width:
        raise BadData(f"X must be [n, ...] with {height} x {width} values an image; its shape is {values.shape}.")
    if not np.isfinite(values).all():
        raise BadData("X holds NaN or infinity.")
    return torch.tensor(values).view(-1, 1, height, width)


def _network(channels: int, classes: int, shape: tuple[int, int], dropout: float) -> nn.Module:
    """Return a network of four 3x3 convolutions: images [n, 1, height, width] -> scores [n, classes]."""
    cells = (shape[0] // 4) * (shape[1] // 4)
    network = nn.Sequential(
        *_block(1, channels),
        *_block(channels, channels),
        nn.MaxPool2d(2),
        *_block(channels, 2 * channels),
        *_block(2 * channels, 2 * channels),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * channels * cells, classes),
    )
    return _channels_last(network)


def _fused(network: nn.Module) -> nn.Module:
    """Return a trained network with its normalisations within its convolutions: a third faster."""
    layers: list[nn.Module] = []
    for layer in network.children():
        if isinstance(layer, nn.BatchNorm2d) and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def _channels_last(network: nn.Module) -> nn.Module:
    """Lay the weights out as is a third faster on one core."""
    converted: nn.Module = convert_conv2d_weight_memory_format(network, torch.channels_last)
    return converted


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
