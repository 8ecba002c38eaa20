"""Recordings of speech, and the words that a board hears in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright.apps import votes
from edgewright.data import _wav
from edgewright.errors import BadData, list_problems
from edgewright.firmware import Firmware

SUFFIX = ".wav"
QUIET = (
    "_silence_",
    "silence",
    "_unknown_",
    "unknown",
    "_background_noise_",
    "noise",
)  # classes that are no word to be heard
NOTHING = "-"


@dataclass(frozen=True)
class Recording:
    """name: of its file. samples: int16 [n]. notes: what a user should know."""

    name: str
    samples: npt.NDArray[np.int16]
    notes: tuple[str, ...] = ()


def read(place: Path, hertz: float, window: int) -> tuple[Recording, ...]:
    """Return the WAV file, or those in a folder by their names, each of `hertz` samples a second and a window or longer.

    Two channels become their mean. Raises BadData, which names all files that cannot be heard.
    """
    try:
        files = sorted(file for file in place.iterdir() if file.suffix.lower() == SUFFIX) if place.is_dir() else [place]
    except OSError as error:
        raise BadData(
            f"The folder {place} cannot be read: {error.strerror or error}. Check its permissions."
        ) from error
    if not files:
        raise BadData(f"{place} holds no {SUFFIX} files to hear. Give a recording, or a folder with recordings in it.")
    found, problems = [], []
    for file in files:
        try:
            audio = _wav.read(file)
        except OSError as error:
            problems.append(f"{file} cannot be read: {error.strerror or error}.")
            continue
        except ValueError as error:
            fix = "" if _wav.FIX in str(error) else f" {_wav.FIX}"
            problems.append(f"{file} cannot be read: {error}{fix}")
            continue
        if audio.hertz != hertz:
            problems.append(
                f"{file} has {audio.hertz:,} samples a second, and the model hears {hertz:,g}. Resample it: "
                f"`ffmpeg -i {file.name} -ar {hertz:g} resampled.wav`."
            )
        elif len(audio.samples) < window:
            problems.append(
                f"{file} lasts {len(audio.samples) / hertz:.2f} s, and the first answer needs {window / hertz:.2f} s. Add silence, "
                f"or record for longer."
            )
        else:
            said = {"seems clipped (recorded too loudly)": audio.clipped, "is silent": audio.silent}
            said["has two channels, which were mixed to their mean"] = audio.mixed
            notes = tuple(f"{file.name} {what}." for what, is_so in said.items() if is_so)
            found.append(Recording(file.name, audio.samples, notes))
    if problems:
        raise BadData(list_problems("These recordings cannot be heard:", problems) if problems[1:] else problems[0])
    return tuple(found)


def hear(firmware: Firmware, recordings: Sequence[Recording], hertz: float) -> tuple[tuple[str, ...], ...]:
    """Return the words that the board hears, a row each: recording, seconds, word, votes; one row where it hears none.

    A word is what most answers of the last window say; it is heard once until they say something else. Where windows do not overlap
    each has its answer.
    """
    (model,) = firmware.models.values()
    assert model.stream is not None
    window, every = model.stream.window, model.stream.every
    of = max(1, window // every)
    rows: list[tuple[str, ...]] = []
    for recording in recordings:
        answers = [str(label) for label in firmware.predict(recording.samples)]
        seconds = [(window + number * every) / hertz for number in range(len(answers))]
        again = every >= window  # where answers overlap, several are about the same sound
        words = votes.events(answers, model.graph.labels, seconds, QUIET, every / hertz, of, repeats=again)
        rows += [(recording.name, f"{one.seconds:.2f}", one.label, f"{one.votes} of {of}") for one in words]
        rows += [] if words else [(recording.name, NOTHING, NOTHING, NOTHING)]
    return tuple(rows)
