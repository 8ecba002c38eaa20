"""A FastGRNN on recordings of gestures, as C that takes samples one at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgewright.apps import Order, Outcome, earlier, votes
from edgewright.apps.gestures.published import PROTONN
from edgewright.data import recordings
from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.firmware import Firmware, deploy
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array

SETTINGS = {"size_kb": 4.0, "standardise": "feature"}


def run(order: Order) -> Outcome:
    """Return firmware that answers once a window, measured on the test part, and what it answers to a recording.

    Raises BadData, BadInput, UnknownName, DoesNotFit.
    """
    from edgewright.estimators.fastgrnn import FastGRNNClassifier

    assert order.split is not None
    split = order.split.as_sequences()
    settings = {**SETTINGS, **order.settings}
    order.say("training FastGRNN")
    estimator = FastGRNNClassifier(random_state=order.seed)
    for name in settings:
        if name not in estimator.get_params():
            raise UnknownName("setting of fastgrnn", name, set(estimator.get_params()) - {"random_state"})
    try:
        estimator.set_params(**settings).fit(split.x_train, split.y_train)
    except BadInput:
        raise
    except (TypeError, ValueError) as error:
        raise BadInput(f"The model fastgrnn cannot be trained with these settings: {error}") from error
    order.say(f"compiling for {order.board}")
    firmware = deploy(estimator, order.board, split.x_train, name="gestures", stream=True)
    order.say(f"running {len(split.x_test):,} windows on {order.board}")
    record = firmware.report(
        split.x_test,
        split.y_test,
        data=order.data,
        split="the dataset's own or by a seed",
        seed=order.seed,
        settings={"model": "fastgrnn", "hertz": split.hertz, **settings},
    )
    accuracy = float(estimator.score(split.x_test, split.y_test))
    record = replace(record, numbers={**record.numbers, "accuracy_float": accuracy})
    if order.recording is None:
        return Outcome(firmware, record, estimator)
    samples = read_samples(order.recording, split.x_train.shape[1:])
    return Outcome(firmware, record, estimator, *heard(firmware, samples, split.hertz))


def again(order: Order) -> Outcome:
    """Return firmware of a model that an earlier run trained, and what it answers to a recording.

    Raises BadModelFile, BadInput, BadData.
    """
    assert order.model is not None
    found = earlier.read(order.model, "gestures")
    if order.settings:
        raise BadInput(
            f"{order.model} is trained already, so {', '.join(order.settings)} cannot be set; leave --set out."
        )
    if found.settings.get("model") == PROTONN:
        raise BadInput(f"{order.model} holds GesturePod's model, which nothing is trained for; leave --model out.")
    samples = None if order.recording is None else read_samples(order.recording, found.graph.input_type.shape)
    order.say(f"compiling for {order.board}")
    firmware = deploy(found.graph, order.board, name="gestures", stream=found.every)
    rows = earlier.rows_of(samples, found.graph.input_type)
    order.say(f"running {len(rows):,} windows on {order.board}")
    record = firmware.report(rows, data=earlier.called(order.recording), settings=found.settings)
    if samples is None:
        return Outcome(firmware, record)
    return Outcome(firmware, record, None, *heard(firmware, samples, found.hertz))


def read_samples(path: Path, shape: tuple[int, ...]) -> Array:
    """Return a recorded stream [n, channels] of one window of the shape (steps, channels) at least. Raises BadData."""
    samples, _ = recordings.read_recording(path)
    steps, channels = shape
    if samples.shape[1] != channels or len(samples) < steps:
        raise BadData(
            f"{path} holds {len(samples):,} samples of {samples.shape[1]} numbers; {steps} or more of {channels} are needed."
        )
    return samples


def heard(
    firmware: Firmware, samples: Array, hertz: float | None
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return what the board answers to a stream, a row each, and what a user should know."""
    graph: Graph = firmware.models["gestures"].graph
    answers = [str(label) for label in firmware.predict(samples)]
    places = [(number + 1) * graph.input_type.shape[0] / (hertz or 1.0) for number in range(len(answers))]
    rows = tuple(
        (f"{at:.1f}", label, f"{count} of {votes.VOTES}")
        for at, (label, count) in zip(places, votes.majority(answers, graph.labels), strict=True)
    )
    return rows, () if hertz else ("The sampling rate is not known, so the times are counted in samples.",)
