"""A folder of recordings that a user brings: WAV, CSV or NPY files, one class a subfolder or a table of labels."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.data import _csv, _local, _npz, _wav, tables
from edgewright.data.tables import Table, check_classes, refuse, shorten, too_large
from edgewright.errors import BadData, EdgewrightError

SUFFIXES = (".wav", ".csv", ".npy")
LABELS_FILE = "labels.csv"
FILE, LABEL, GROUP = "file", "label", "group"
MOST_LABELS_BYTES = 64 * 1024 * 1024
SPEAKER = re.compile(r"(.+)_nohash_\d+")  # how Speech Commands names its files: SPEAKER_nohash_NUMBER.wav
LAYOUT = (
    f"Put the recordings of each class (.wav, .csv or .npy) into a subfolder named after it, or write {LABELS_FILE} beside them with the "
    f"columns {FILE},{LABEL} and, where it is known whom a recording is from, {GROUP}."
)


@dataclass(frozen=True)
class _Listed:
    """A recording: its file, its name in messages, its class, and whom it is from ("" where that is not known)."""

    path: Path
    name: str
    label: str
    group: str


@dataclass
class _Found:
    """What was read so far: [steps, channels] a recording, and what is to be said about some."""

    arrays: list[npt.NDArray[Any]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)  # before any cut
    rates: dict[int, list[str]] = field(default_factory=dict)
    channels: dict[int, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)  # what -> of which files
    bytes: int = 0


def read_recordings(folder: str | Path, length: int | None = None, hertz: float | None = None) -> Table:
    """Return the recordings of a folder as sequences of one length.

    x: int16 where all files are WAV (on the scale of 16-bit PCM, `_wav.read`) or int16 NPY, else float32; [n, steps] of one channel,
    else [n, steps, channels]. A CSV holds a step a line and a channel a column, with a header or without; an NPY [steps] or
    [steps, channels]. length: how many steps each recording shall have; longer ones are cut at the end, shorter ones padded at the
    end: audio with silence, others with their last step. Needed where lengths differ. hertz: samples a second; checked against WAV
    files. Groups (speakers, wearers) are those of the table of labels, or in file names as those of Speech Commands.
    Raises BadData, which names the files and the fix.
    """
    folder = Path(folder)
    if length is not None and length < 1:
        raise BadData(f"The length {length} is no number of samples; give a whole number from 1 on.")
    listed, notes = _list(folder)
    kind = _one_kind(folder, listed)
    _check_size(folder, listed)
    found = _Found()
    for recording in listed:
        _read(folder, recording, kind, length, found)
    _check(folder, found, hertz)
    names = [recording.name for recording in listed]
    y = _csv.typed([recording.label for recording in listed])
    classes = check_classes(folder, y)
    x, said = _stack(folder, found, names, length, silence=kind == ".wav")
    steps, channels = x.shape[1:]
    groups, known = _groups(listed)
    notes += [*said, *known, *(f"{what}: {shorten(files)}." for what, files in found.notes.items())]
    warnings = tuple(f"{folder}: {note}" for note in notes)
    rate = next(iter(found.rates), None)
    return Table(
        x[..., 0] if channels == 1 else x,
        y,
        tuple(f"channel{channel}" for channel in range(channels)),
        classes,
        warnings,
        (steps, 1) if channels == 1 else None,
        groups,
        hertz if rate is None else float(rate),
    )


def read_recording(path: Path) -> tuple[npt.NDArray[Any], float | None]:
    """Return one recording, [steps, channels], and its samples a second where the file says so.

    A WAV as in `_wav.read`, an NPY, or else text with a step a line. Raises BadData.
    """
    found = _Found()
    suffix = path.suffix.lower()
    kind = suffix if suffix in SUFFIXES else ".csv"
    _check_size(path, [_Listed(path, path.name, "", "")])
    _read(path.parent, _Listed(path, path.name, "", ""), kind, None, found)
    if found.problems:
        raise refuse(path, found.problems)
    return found.arrays[0], next(iter(map(float, found.rates)), None)


def find_file(folder: str, name: str, how_to_get: str) -> Path:
    """Return a file of a data folder that EDGEWRIGHT_DATA names, or of the cache. Raises BadData."""
    candidates = [place / folder / name for place in _local.folders()]
    for path in candidates:
        if path.is_file():
            return path
    raise BadData(f"{name} is not on this machine: there is no {' or '.join(map(str, candidates))}. {how_to_get}")


def _list(folder: Path) -> tuple[list[_Listed], list[str]]:
    """Return the recordings in a fixed order, and what else lies there. Raises BadData."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        if (folder / LABELS_FILE).is_file():
            return _by_table(folder)
        listed, others = _by_subfolder(folder, entries)
    except OSError as error:
        place = error.filename or folder
        raise BadData(
            f"The folder {place} cannot be read: {error.strerror or error}. Check its permissions."
        ) from error
    if not listed:
        raise BadData(f"{folder} holds no recordings. {LAYOUT}")
    return listed, [f"these are no recordings and were not read: {shorten(others)}."] if others else []


def _by_subfolder(folder: Path, entries: Sequence[os.DirEntry[str]]) -> tuple[list[_Listed], list[str]]:
    listed, others, deeper = [], [], []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if not os.path.isdir(entry.path):  # unlike entry.is_dir(), it takes a link to itself as none
            others.append(entry.name)
            continue
        for file in sorted(os.scandir(entry.path), key=lambda file: file.name):
            name = f"{entry.name}/{file.name}"
            if file.name.startswith("."):
                continue
            if os.path.isdir(file.path):
                deeper.append(name)
            elif Path(file.name).suffix.lower() in SUFFIXES:
                speaker = SPEAKER.fullmatch(Path(file.name).stem)
                listed.append(_Listed(Path(file.path), name, entry.name, speaker[1] if speaker else ""))
            else:
                others.append(name)
    if deeper:  # never followed, so a link that leads back is no loop
        raise BadData(
            f"{folder} is nested too deeply: inside the folders of classes there are folders, {shorten(deeper)}. {LAYOUT}"
        )
    loose = [name for name in others if Path(name).suffix.lower() in SUFFIXES]
    if loose:
        raise BadData(f"{folder} holds recordings that are in no subfolder, so of no class: {shorten(loose)}. {LAYOUT}")
    return listed, others


def _by_table(folder: Path) -> tuple[list[_Listed], list[str]]:
    """Return the recordings that the table of labels names. Raises BadData, OSError."""
    table = folder / LABELS_FILE
    if table.stat().st_size > MOST_LABELS_BYTES:
        raise BadData(f"{table} is larger than {MOST_LABELS_BYTES // 1024**2} MiB. Give fewer recordings.")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            if sorted(columns) not in (sorted((FILE, LABEL)), sorted((FILE, LABEL, GROUP))):
                raise BadData(
                    f"{table} has the columns {shorten(columns) or 'none'}; {FILE},{LABEL} or {FILE},{LABEL},{GROUP} are needed, "
                    f"separated by commas."
                )
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{table} cannot be read: {error}. Save it as CSV in UTF-8.") from error
    listed: dict[Path, _Listed] = {}
    problems = []
    for line, row in rows:
        cells = {key: (row[key] or "").strip() for key in columns}
        name, path = cells[FILE], folder / cells[FILE]
        if None in row or not name or not cells[LABEL]:
            problems.append(f"line {line} lacks a {FILE} or a {LABEL}, or has a cell too many.")
        elif Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"line {line}: {name} lies outside the folder; name files by their place inside it.")
        elif path.suffix.lower() not in SUFFIXES:
            problems.append(f"line {line}: {name} does not end in {', '.join(SUFFIXES)}.")
        elif path in listed:
            problems.append(f"line {line}: {name} was named before.")
        else:
            listed[path] = _Listed(path, name, cells[LABEL], cells.get(GROUP, ""))
    if problems:
        raise refuse(table, _first(problems))
    if not listed:
        raise BadData(f"{table} names no recordings. {LAYOUT}")
    return list(listed.values()), []


def _one_kind(folder: Path, listed: Sequence[_Listed]) -> str:
    kinds = Counter(recording.path.suffix.lower() for recording in listed)
    if len(kinds) > 1:
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        raise BadData(
            f"{folder} holds recordings of several kinds ({said}), whose units differ. Convert them to one kind."
        )
    return next(iter(kinds))


def _check_size(folder: Path, listed: Sequence[_Listed]) -> None:
    """Refuse what is too large before anything is read. Raises BadData."""
    total = 0
    for recording in listed:
        try:
            total += recording.path.stat().st_size
        except OSError:
            continue  # named when it is read
    if total > tables.LARGEST_BYTES:
        raise too_large(folder, f"its {len(listed):,} recordings take {total / 1024**2:,.0f} MiB")


def _read(folder: Path, recording: _Listed, kind: str, length: int | None, found: _Found) -> None:
    """Add a recording to what was found. Raises BadData for too much."""
    try:
        array = _read_wav(recording, found) if kind == ".wav" else _read_numbers(recording, kind, found)
    except OSError as error:
        found.problems.append(f"{recording.name} cannot be read: {error.strerror or error}.")
        return
    except (ValueError, EOFError) as error:
        reason = str(error).removeprefix(f"{recording.path} ") if isinstance(error, EdgewrightError) else str(error)
        found.problems.append(f"{recording.name} cannot be read: {reason}")
        return
    if not array.size:
        found.problems.append(f"{recording.name} is empty. Leave it out.")
        return
    found.steps.append(len(array))
    found.channels.setdefault(array.shape[1], []).append(recording.name)
    found.arrays.append(array[:length].copy() if length is not None and length < len(array) else array)
    found.bytes += found.arrays[-1].nbytes
    if found.bytes > tables.LARGEST_BYTES:
        raise too_large(folder, f"the limit is passed at {recording.name}")


def _read_wav(recording: _Listed, found: _Found) -> npt.NDArray[Any]:
    audio = _wav.read(recording.path)
    found.rates.setdefault(audio.hertz, []).append(recording.name)
    for said, what in (
        (audio.clipped, "audio that seems clipped (recorded too loudly)"),
        (audio.silent, "audio that is silent"),
        (audio.mixed, "audio of two channels, mixed to their mean"),
    ):
        if said:
            found.notes.setdefault(what, []).append(recording.name)
    return audio.samples[:, None]


def _read_numbers(recording: _Listed, kind: str, found: _Found) -> npt.NDArray[Any]:
    """Return the steps of a CSV or NPY file. Raises BadData, ValueError, OSError."""
    array: npt.NDArray[Any]
    if kind == ".csv":
        array = _csv.read_numbers(recording.path)
    else:
        array = _npz.read_npy(recording.path)
        if array.ndim not in (1, 2):
            raise ValueError(f"it has the shape {array.shape}; [steps] or [steps, channels] is needed.")
        array = array.reshape(len(array), -1)
        if array.dtype != np.int16:
            with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused
                array = array.astype(np.float32)
    bad = ~np.isfinite(array)
    if bad.any():
        step, channel = np.argwhere(bad)[0]
        raise ValueError(
            f"it holds NaN, infinity or too large values: {int(bad.sum())}, the first in step {step}, channel {channel}. Repair it "
            f"or leave it out."
        )
    if array.size and (array == array[0]).all():
        found.notes.setdefault("recordings that do not change", []).append(recording.name)
    return array


def _check(folder: Path, found: _Found, hertz: float | None) -> None:
    """Refuse what was unreadable and what does not belong together, all at once. Raises BadData."""
    problems = _first(found.problems)
    for what, values in (("channels", found.channels), ("samples a second", found.rates)):
        if len(values) > 1:
            said = "; ".join(f"{value:,} in {len(files)} ({files[0]})" for value, files in sorted(values.items()))
            fix = "Record all alike." if what == "channels" else "Resample them to one rate."
            problems.append(f"the numbers of {what} differ: {said}. {fix}")
    if hertz is not None and len(found.rates) == 1 and hertz not in found.rates:
        problems.append(
            f"the recordings have {next(iter(found.rates)):,} samples a second, {hertz:,g} are asked for. Resample them, or give their "
            f"own rate."
        )
    if problems:
        raise refuse(folder, problems)


def _stack(
    folder: Path, found: _Found, names: Sequence[str], length: int | None, *, silence: bool
) -> tuple[npt.NDArray[Any], list[str]]:
    """Return all recordings as [n, steps, channels], and what was done to their lengths. Raises BadData."""
    shortest, longest = int(np.argmin(found.steps)), int(np.argmax(found.steps))
    notes = []
    if length is None:
        (length, usual), *more = Counter(found.steps).most_common()
        if more:
            raise BadData(
                f"{folder}: the recordings are not equally long: the shortest is {names[shortest]} ({found.steps[shortest]:,} samples), "
                f"the longest {names[longest]} ({found.steps[longest]:,}), and {usual} of {len(names)} have {length:,}. Say how long they "
                f"shall be by --length N (length=N in Python), for example {length}: longer ones are cut at the end, shorter ones "
                f"padded there, {'with silence' if silence else 'with their last sample'}."
            )
    else:
        cut, padded = (sum(steps > length for steps in found.steps), sum(steps < length for steps in found.steps))
        if cut or padded:
            notes.append(
                f"{cut} recordings were cut to {length:,} samples, {padded} were padded; the shortest is {names[shortest]} "
                f"({found.steps[shortest]:,}), the longest {names[longest]} ({found.steps[longest]:,})."
            )
    dtype = np.dtype(np.int16 if all(array.dtype == np.int16 for array in found.arrays) else np.float32)
    channels = found.arrays[0].shape[1]
    needed = len(names) * length * channels * dtype.itemsize
    if needed > tables.LARGEST_BYTES:
        raise too_large(folder, f"{len(names):,} recordings of {length:,} samples take {needed / 1024**2:,.0f} MiB")
    x = np.zeros((len(names), length, channels), dtype)
    for row, array in zip(x, found.arrays, strict=True):
        row[: len(array)] = array
        if not silence:
            row[len(array) :] = array[-1]
    return x, notes


def _groups(listed: Sequence[_Listed]) -> tuple[npt.NDArray[Any] | None, list[str]]:
    """Return whom each recording is from, or None where nothing is known; a recording of nobody known is a group of its own."""
    known = {recording.group for recording in listed} - {""}
    if not known:
        return None, []
    groups = np.array([recording.group or f"?{recording.name}" for recording in listed], np.str_)
    single = sum(not recording.group for recording in listed)
    return groups, [f"split by {len(known)} groups." + (f" {single} recordings are of no group." if single else "")]


def _first(problems: list[str]) -> list[str]:
    hidden = len(problems) - tables.LISTED
    return list(problems) if hidden <= 0 else [*problems[: tables.LISTED], f"and {hidden} more problems of this kind."]
