"""From recordings, or from a model of an earlier run, to firmware that hears words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgewright.apps import Order, Outcome, earlier
from edgewright.apps.keywords import listening, microphone, training
from edgewright.apps.keywords.listening import Recording
from edgewright.errors import BadData, BadInput, PoorRecordings
from edgewright.firmware import Firmware, deploy
from edgewright.records import Record

NAME = "keywords"
CALIBRATION_ROWS = 200


@dataclass(frozen=True)
class _Made:
    """What can listen: recordings of `hertz` samples a second."""

    firmware: Firmware
    record: Record
    hertz: float
    recordings: Sequence[Recording]
    estimator: Any = None


def run(order: Order) -> Outcome:
    """Return firmware, trained or of an earlier run, and what it hears; see `edgewright.apps.keywords.run`."""
    if order.recording is not None and str(order.recording) == microphone.NAME:
        microphone.library()  # says that it is missing before anything is trained
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorRecordings)  # recordings of silence are silent
        made = _again(order, order.model) if order.model is not None else _trained(order)
        recordings = made.recordings or _spoken(order, made.hertz)
        heard = listening.hear(made.firmware, recordings, made.hertz) if recordings else ()
    notes = tuple(note for recording in recordings for note in recording.notes)
    return Outcome(made.firmware, made.record, made.estimator, heard, notes)


def _trained(order: Order) -> _Made:
    """Train, compile and measure on the test part."""
    split = order.split
    if split is None:
        raise BadInput(
            f"The application {NAME} brings no model. Give --data speech-commands, --data FOLDER with WAV files by class, or "
            f"--model FOLDER that an earlier run made."
        )
    choice, settings = training.choose(order.settings)
    featuriser = training.featuriser_for(split, choice)
    hertz, window = float(featuriser.sample_rate), split.x_train.shape[1]
    every = choice.samples(hertz)
    if every is not None and every % featuriser.hop:
        raise BadInput(
            f"every is {choice.every:g} s, {every:,} samples; allowed: whole multiples of the {featuriser.hop} samples from one frame to "
            f"the next ({featuriser.hop / hertz:g} s)."
        )
    recordings = _recorded(order.recording, hertz, window)
    estimator = training.fit(split, featuriser, choice, settings, order.seed, order.say)
    order.say(f"compiling for {order.board}")
    typical = split.x_train[:: -(-len(split.x_train) // CALIBRATION_ROWS)]
    firmware = deploy(estimator, order.board, typical, name=NAME, stream=every or True)
    order.say(f"running {len(split.x_test):,} recordings on {order.board}")
    record = firmware.report(
        split.x_test,
        split.y_test,
        data=order.data,
        split="stratified" if split.groups_train is None else "by speaker",
        seed=order.seed,
        settings=training.described(choice, settings, featuriser),
    )
    numbers = {**record.numbers, "accuracy_float": float(estimator.score(split.x_test, split.y_test))}
    # Of the few recordings that the emulated board runs; that of the integers is of all
    numbers.pop("accuracy_board", None)
    record = replace(record, numbers=numbers)
    return _Made(firmware, record, hertz, recordings, estimator)


def _again(order: Order, folder: Path) -> _Made:
    """Deploy what an earlier run made, and measure it on the recordings, or on noise."""
    found = earlier.read(folder, NAME)
    if found.hertz is None:
        raise BadData(
            f"{folder} does not say how many samples a second its model hears. Make it anew by `edgewright app {NAME}`."
        )
    if set(order.settings) - {"every"}:
        raise BadInput(f"{folder} is trained already: of its settings only `every` can be given anew with --model.")
    every = training.Choice(**order.settings).samples(found.hertz) or found.every
    input_type = found.graph.input_type
    recordings = _recorded(order.recording, found.hertz, input_type.shape[0])
    samples = np.concatenate([recording.samples for recording in recordings]) if recordings else None
    order.say(f"compiling for {order.board}")
    firmware = deploy(found.graph, order.board, name=NAME, stream=every)
    rows = earlier.rows_of(samples, input_type)
    order.say(f"running {len(rows):,} windows on {order.board}")
    record = firmware.report(
        rows,
        data=earlier.called(order.recording if recordings else None),
        settings={**found.settings, **order.settings},
    )
    return _Made(firmware, record, found.hertz, recordings)


def _recorded(place: Path | None, hertz: float, window: int) -> tuple[Recording, ...]:
    """Return the recordings that a user named; none where they are still to be spoken. Raises BadData."""
    return () if place is None or str(place) == microphone.NAME else listening.read(place, hertz, window)


def _spoken(order: Order, hertz: float) -> tuple[Recording, ...]:
    """Return what the microphone hears now, if it was asked for. Raises MissingTool."""
    if order.recording is None:
        return ()
    order.say(f"listening to the microphone for {microphone.SECONDS} s: speak now")
    samples = microphone.record(round(hertz))
    order.say(f"hearing it on {order.board}")
    return (Recording(microphone.NAME, samples),)
