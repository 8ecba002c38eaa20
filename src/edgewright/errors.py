"""Every error that Edgewright raises on purpose.

EdgewrightError                      exit code
    BadInput                         2   what was given cannot be used
        UnknownName                  2   no such entry in a catalogue
        BadData                      2   a table, an array or a label column
        BadModelFile                 2   a model file is damaged or is not what it claims
        UnsupportedModel             2   a model holds something that we do not compile
        BadGraph                     2   a graph breaks a rule of the IR
        OutputExists                 2   an output folder is already there
        CannotWrite                  2   no permission, or a full disk
    MissingTool                      2   a compiler, an emulator or an extra is not installed
    CheckFailed                      1   everything ran, and the answer is no
        Mismatch                     1   twin, host C and board differ
        DoesNotFit                   1   a model needs more than the board has
        NothingFits                  1   no model that was tried holds the budgets
        BoardFault                   1   the program faulted on the board

AccuracyLost                         -   a warning: integers that answer otherwise than the float model
PoorRecordings                       -   a warning: rows of samples that are silent or clipped
TrainingStopped                      -   a warning: a loss was not finite, the last good model stays
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class EdgewrightError(Exception):
    """Base of all errors; the message says what was given, what is allowed and what to do."""

    exit_code = 2


class BadInput(EdgewrightError, ValueError):
    """Something given by the user cannot be used."""


class UnknownName(BadInput):
    """A catalogue has no entry of this name."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no {kind} named {given!r}.{hint} Known: {', '.join(names)}.")
        self.kind, self.given, self.known = kind, given, names


class BadData(BadInput):
    """A table, an array or a label column cannot be used."""


class BadModelFile(BadInput):
    """A model file is damaged or is not what it claims to be."""


class UnsupportedModel(BadInput):
    """A model holds something that cannot be compiled."""


class BadGraph(BadInput):
    """A graph breaks a rule of the IR; the message names the node and the value."""


class OutputExists(BadInput):
    """An output folder already exists and --force was not given."""


class CannotWrite(BadInput):
    """A file cannot be written."""


class MissingTool(EdgewrightError):
    """A compiler, an emulator or an optional package is not installed."""


class CheckFailed(EdgewrightError):
    """Everything ran, and a check said no."""

    exit_code = 1


class Mismatch(CheckFailed):
    """The integer twin, the host C and the board do not agree."""


class DoesNotFit(CheckFailed):
    """A model needs more flash or RAM than the board has.

    over: "flash" and "RAM" -> the bytes that are missing, at least, for those that do not suffice.
    """

    def __init__(self, message: str, over: Mapping[str, int]) -> None:
        super().__init__(message)
        self.over = dict(over)


class NothingFits(CheckFailed):
    """No model that was tried holds the budgets.

    over: budget -> by how much the nearest of them misses it.
    """

    def __init__(self, message: str, over: Mapping[str, float]) -> None:
        super().__init__(message)
        self.over = dict(over)


class BoardFault(CheckFailed):
    """The program faulted on the board; the message explains how."""


class AccuracyLost(UserWarning):
    """The integers of a model answer otherwise than its real numbers on too many calibration rows."""


class PoorRecordings(UserWarning):
    """Some recordings are silent or clipped; the message says which and by how much."""


class TrainingStopped(UserWarning):
    """A loss or a weight became NaN or infinite: training stopped, and the model is that of the last good epoch."""


def list_problems(heading: str, problems: Iterable[str]) -> str:
    """Return one message that lists all problems, one a line."""
    lines = list(problems)
    return f"{heading} {lines[0]}" if len(lines) == 1 else "\n  - ".join([heading, *lines])
