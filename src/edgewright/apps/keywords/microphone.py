"""Samples from the microphone of this computer, by the optional package sounddevice."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import MissingTool

NAME = "microphone"
SECONDS = 5
PACKAGE = "sounddevice"
ELSE = "Or record a WAV file with another program and give that."


def record(hertz: int, seconds: float = SECONDS) -> npt.NDArray[np.int16]:
    """Return samples [n] of one channel, recorded now. Raises MissingTool where there is no microphone."""
    device = library()
    try:
        samples = device.rec(round(seconds * hertz), samplerate=hertz, channels=1, dtype="int16", blocking=True)
    except device.PortAudioError as error:
        raise MissingTool(
            f"The microphone gives no sound at {hertz:,} samples a second: {error}. Plug one in, or allow its use. {ELSE}"
        ) from error
    return np.asarray(samples, np.int16).reshape(-1)


def library() -> Any:
    """Return the package that records. Raises MissingTool where it, or what it needs, is not installed."""
    try:
        return importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise MissingTool(
            f"Listening to a microphone needs the package {PACKAGE}, which is not installed: pip install 'edgewright[{NAME}]'. {ELSE}"
        ) from error
    except OSError as error:  # the package is here, and the library of the system that it opens is not
        raise MissingTool(
            f"The package {PACKAGE} cannot be used: {error}. Install PortAudio (on Debian: apt-get install libportaudio2). {ELSE}"
        ) from error
