"""A FastGRNN on recordings of gestures, as C that takes samples one at a time."""

from __future__ import annotations

from dataclasses import replace

from edgewright.apps import Order, Outcome
from edgewright.apps.gestures import votes
from edgewright.data import recordings
from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.firmware import deploy

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
        settings={"model": "fastgrnn", **settings},
    )
    accuracy = float(estimator.score(split.x_test, split.y_test))
    record = replace(record, numbers={**record.numbers, "accuracy_float": accuracy})
    if order.recording is None:
        return Outcome(firmware, record, estimator)
    samples, _ = recordings.read_recording(order.recording)
    steps, channels = split.x_train.shape[1:]
    if samples.shape[1] != channels or len(samples) < steps:
        raise BadData(
            f"{order.recording} holds {len(samples):,} samples of {samples.shape[1]} numbers; {steps} or more of {channels} are needed."
        )
    answers = [str(label) for label in firmware.predict(samples)]
    rate = split.hertz or 1.0
    places = [(number + 1) * steps / rate for number in range(len(answers))]
    heard = [
        (f"{at:.1f}", label, f"{count} of {votes.VOTES}")
        for at, (label, count) in zip(places, votes.majority(answers, split.labels), strict=True)
    ]
    unit = () if split.hertz else ("The sampling rate is not known, so the times are counted in samples.",)
    return Outcome(firmware, record, estimator, tuple(heard), unit)
