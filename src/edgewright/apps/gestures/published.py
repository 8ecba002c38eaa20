"""GesturePod's own model in integers, and its recorded stream through the board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright.apps import Order, Outcome, votes
from edgewright.data import recordings
from edgewright.errors import BadData
from edgewright.features.gesture_pod import CHANNELS, GesturePod
from edgewright.firmware import deploy
from edgewright.frontends.protonn import ProtoNNModel, read_model
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.runtime.interpret import run_float

HERTZ = 200.0
PAUSE = 2.0  # seconds between two gestures
NAMES = {"1": "noise", "3": "double tap", "4": "right twist", "5": "left twist", "7": "twirl", "9": "double swipe"}
QUIET = ("noise", "0", "2", "6", "8")  # class 1, and the numbers that stand for no class
MODEL, RECORDING = "data.h", "taps.txt"
PROTONN = "protonn"
EXCHANGED = (
    3  # times that the windows are repeated with axes exchanged and turned round, for gestures that were not recorded
)
HOW_TO_GET = (
    f"Get onComputer/src/{MODEL} and onComputer/data/{RECORDING} of applications/GesturePod from https://github.com/microsoft/EdgeML "
    "and put both into the folder gesturepod of the folder that EDGEWRIGHT_DATA names."
)

Samples = npt.NDArray[np.int16]


def run(order: Order) -> Outcome:
    """Return firmware of the published model that answers every 20 samples, and the gestures that the board recognises.

    Raises BadData where the files are missing or are no samples of six channels, DoesNotFit.
    """
    model = read_model(recordings.find_file("gesturepod", MODEL, HOW_TO_GET))
    path = order.recording or recordings.find_file("gesturepod", RECORDING, HOW_TO_GET)
    samples = read_samples(path)
    featuriser = GesturePod()
    graph = whole_graph(model, featuriser)
    windows = np.lib.stride_tricks.sliding_window_view(samples, featuriser.window, axis=0)
    windows = np.moveaxis(windows[:: featuriser.stride], -1, 1)
    order.say(f"compiling for {order.board}")
    firmware = deploy(graph, order.board, exchanged(windows), name="gestures", stream=featuriser.stride)
    order.say(f"replaying {len(samples):,} samples on {order.board}")
    answers = [str(label) for label in firmware.predict(samples)]
    real = run_float(graph, windows.astype(np.float32)).argmax(axis=1)
    agree = float(np.mean([graph.labels[index] == answer for index, answer in zip(real, answers, strict=True)]))
    rows = samples[: len(samples) // featuriser.window * featuriser.window]  # they follow each other in the stream
    rows = rows.reshape(-1, featuriser.window, len(CHANNELS))
    record = firmware.report(
        rows, data=path.name, split="replayed", settings={"model": PROTONN, "features": "gesture-pod", "hertz": HERTZ}
    )
    record = replace(record, numbers={**record.numbers, "agreement_with_float": agree})
    seconds = [(featuriser.window + number * featuriser.stride) / HERTZ for number in range(len(answers))]
    heard = votes.events(answers, graph.labels, seconds, QUIET, PAUSE)
    return Outcome(
        firmware,
        record,
        heard=tuple((f"{one.seconds:.1f}", one.label, f"{one.votes} of {votes.VOTES}") for one in heard),
    )


def whole_graph(model: ProtoNNModel, featuriser: GesturePod) -> Graph:
    """Return the float graph from a window of raw samples [400, 6] to a score a class."""
    builder = Builder("gestures")
    samples = builder.input("samples", Type((featuriser.window, len(CHANNELS))))
    features = featuriser.add_to(builder, samples)
    row = builder.node("reshape", "row", x=features, attributes={"shape": (builder.type(features).shape[-1],)})
    classes = range(model.labels.shape[1])
    return builder.finish(
        model.add_to(builder, row), labels=tuple(NAMES.get(str(index), str(index)) for index in classes)
    )


def read_samples(path: Path) -> Samples:
    """Return a recorded stream, a sample of six whole numbers a line. Raises BadData."""
    values, _ = recordings.read_recording(path)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    if values.shape[1] != len(CHANNELS) or len(values) < GesturePod().window:
        raise BadData(
            f"{path} holds {values.shape[0]:,} samples of {values.shape[1]} numbers; {GesturePod().window} or more of six are needed: "
            f"{', '.join(CHANNELS)}."
        )
    if not np.array_equal(values, np.round(values)) or values.min() < low or values.max() > high:
        raise BadData(f"{path} holds numbers that are no readings of 16 bits; give those of the sensor, not in units.")
    return values.astype(np.int16)


def exchanged(windows: Samples) -> Samples:
    """Return windows [n, steps, 6] and copies with the axes of both sensors exchanged, turned round and louder, by a fixed seed.

    The recording holds one kind of gesture; scales chosen on it alone could be too narrow for the others.
    """
    generator = np.random.default_rng(0)
    copies = [windows.astype(np.float64)]
    for _ in range(EXCHANGED):
        axes = np.concatenate([generator.permutation(3), 3 + generator.permutation(3)])
        gains = generator.choice([-1.0, 1.0], 6) * np.repeat([1.0, generator.uniform(1, 8)], 3)
        copies.append(windows[..., axes] * gains)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    return np.clip(np.round(np.concatenate(copies)), low, high).astype(np.int16)
