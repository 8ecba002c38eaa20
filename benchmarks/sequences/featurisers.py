"""Featurisers: log-mel bands against librosa's, band by band, and what a frame costs on emulated boards."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import librosa
import numpy as np
import numpy.typing as npt

from edgewright import boards, data, engines, features, records
from edgewright.compiler.emit import emit
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.errors import PoorRecordings
from edgewright.features import Featuriser
from edgewright.features.log_mel import LogMel
from edgewright.features.mfcc import MFCC
from edgewright.ir.types import Array, quantise_array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer

ERROR = "log-mel error"
FEATURISERS: Mapping[str, Featuriser] = {
    "log-mel": LogMel(),
    "log-mel of 25 ms": LogMel(frame=400),
    "mfcc": MFCC(),
}
BOARDS = ("stm32f405", "microbit", "bluepill", "hifive1")  # M4, M0, M3, RV32
NAMES = (ERROR, *FEATURISERS)
FRAMES, QUICK_ROWS = 20, 20
SPLIT = "all rows, of training and test part alike: nothing is fitted"


def unit(name: str, quick: bool) -> Iterator[Record]:
    """Yield the error by band (`ERROR`), or what a featuriser costs on each board."""
    if name == ERROR:
        yield error_by_band(LogMel(), QUICK_ROWS if quick else None)
        return
    for board in BOARDS:
        if engines.get(boards.get(board).engine).why_not(boards.get(board)) is None:
            yield cost(name, FEATURISERS[name], board, 2 if quick else FRAMES)


def error_by_band(log_mel: LogMel, rows: int | None = None) -> Record:
    """Return the relative errors of energies over all frames of speech_commands; both are cut at the floor of the featuriser."""
    split = data.get("speech_commands").load()
    recordings = np.concatenate([split.x_train, split.x_test]).reshape(-1, split.x_train.shape[1])[:rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorRecordings)  # silent and clipped ones belong to the data
        ours = 2.0 ** features.transform(log_mel, recordings, split.hertz).astype(np.float64)
    theirs = np.maximum(np.stack([reference(log_mel, recording) for recording in recordings]), log_mel.floor)
    errors = np.abs(ours / theirs - 1).reshape(-1, log_mel.bands)
    medians, largest = np.median(errors, axis=0), errors.max(axis=0)
    return records.make(
        "featuriser error",
        "log-mel",
        data="speech_commands",
        split=SPLIT,
        settings=_settings(log_mel) | {"reference": f"librosa {librosa.__version__}"},
        numbers={
            "recordings": len(recordings),
            "frames": len(errors),
            "median_error_worst_band": float(medians.max()),
            "median_error": float(np.median(errors)),
            "largest_error": float(largest.max()),
        },
        tables={
            "median_error": {str(band): float(error) for band, error in enumerate(medians)},
            "largest_error": {str(band): float(error) for band, error in enumerate(largest)},
        },
    )


def reference(log_mel: LogMel, recording: Array) -> npt.NDArray[np.float64]:
    """Return the energies [frames, bands] of librosa in double precision; a frame shorter than its FFT lies at its beginning, as ours."""
    frames = librosa.util.frame(recording.astype(np.float64), frame_length=log_mel.frame, hop_length=log_mel.hop)
    window = librosa.filters.get_window("hann", log_mel.frame)[:, np.newaxis]
    filters = librosa.filters.mel(
        sr=log_mel.sample_rate,
        n_fft=log_mel.length,
        n_mels=log_mel.bands,
        fmin=log_mel.low,
        fmax=log_mel.highest,
        htk=True,
        norm=None,
        dtype=np.float64,
    )
    energies: npt.NDArray[np.float64] = filters @ np.abs(np.fft.rfft(frames * window, log_mel.length, axis=0)) ** 2
    return energies.T


def cost(name: str, featuriser: Featuriser, board: str, frames: int) -> Record:
    """Return instructions of a frame and a sample, RAM and constants on a board, and how many frames differ from the twin."""
    log_mel = featuriser.bands if isinstance(featuriser, MFCC) else featuriser
    assert isinstance(log_mel, LogMel)
    recordings = data.get("speech_commands").load().x_test.reshape(-1, 16_000)[:frames]
    middle = (recordings.shape[1] - log_mel.frame) // 2
    graph = features.integer_graph(featuriser, (log_mel.frame,))
    vectors = quantise_array(recordings[:, middle : middle + log_mel.frame], graph.input_type)
    engine = engines.get(boards.get(board).engine)
    image = engine.build(emit({"frame": graph}, "frame", features=boards.get(board).cpu.features), board)
    (entry,) = image.program.entries
    run = engine.run(image, "frame", pack_inputs(entry, [vectors]))
    (outputs,) = unpack_outputs(entry, run.outputs)
    differ = np.any((outputs != run_integer(graph, vectors)).reshape(len(vectors), -1), axis=1)
    instructions = None if run.instructions is None else float(run.instructions.mean())
    return records.make(
        "featuriser cost",
        name,
        data="speech_commands",
        split="the middle frame of the first recordings of the test part",
        board=board,
        engine=image.engine,
        compiler=image.compiler,
        flags=image.flags,
        graph_hash=graph.hash,
        settings=_settings(log_mel),
        numbers={
            "frames": len(vectors),
            "mismatches": int(differ.sum()),
            "instructions_per_frame": instructions,
            "instructions_per_sample": None if instructions is None else instructions / log_mel.hop,
            "arena_bytes": entry.arena_bytes,
            "stack_bytes": run.stack_bytes,
            "constant_bytes": sum(entry.constant_bytes.values()),
            "flash_bytes": image.flash_bytes,
        },
        tables={"instructions": {function: count / len(vectors) for function, count in run.by_function.items()}},
    )


def _settings(log_mel: LogMel) -> dict[str, int | float]:
    return {
        "sample_rate": log_mel.sample_rate,
        "frame": log_mel.frame,
        "hop": log_mel.hop,
        "bands": log_mel.bands,
        "low": log_mel.low,
        "high": log_mel.highest,
        "floor": log_mel.floor,
    }
