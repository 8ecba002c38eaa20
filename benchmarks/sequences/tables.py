"""The records as tables, Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.kilobytes import teachers, training_speed
from benchmarks.sequences import (
    agreement,
    dense_cost,
    emi,
    keywords,
    mnist,
    msc,
    on_boards,
    quantised_training,
    results,
    trained,
)
from benchmarks.sequences.trained import SEEDS
from edgewright.nn import cells
from edgewright.records import Record

UNKNOWN = "not measured"


def table(made: Sequence[Record]) -> str:
    """Return what the documentation shows."""
    parts = (_speed, _featurisers, _mnist, _keywords, _keyword_costs, _dense, _emi, _msc, _rounding, _boards)
    return "\n\n".join(part(made) for part in parts)


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]], below: str) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), "", below])


def _number(value: float | int | None, form: str = ",.0f") -> str:
    return UNKNOWN if value is None else format(value, form)


def _spread(made: Sequence[Record], name: str, key: str = "accuracy_integer", what: str = trained.ACCURACY) -> str:
    values = results.over_seeds(made, what, name, key)
    if values is None:
        return UNKNOWN
    return f"{100 * statistics.fmean(values):.2f} ± {100 * statistics.pstdev(values):.2f}"


SEEDS_SAID = f"Mean ± standard deviation of seeds {', '.join(map(str, SEEDS))}"


def _speed(made: Sequence[Record]) -> str:
    rows = []
    for cell in cells.names():
        found = results.of_model(made, training_speed.STEP, cell)
        numbers = found[0].numbers if found else {}
        shares = [numbers.get(training_speed.ratio(cell, name)) for name in ("plain", "torch", "compiled")]
        rows.append([cell, training_speed.rival(cell).upper(), *(_number(share, ".2f") for share in shares)])
    error = results.reached(made)["gradient_error"]
    shape = training_speed.TIMED
    below = (
        f"{shape.rows} sequences of {shape.steps} steps of {shape.features} features, {shape.hidden} units, forward and backward, one "
        f"thread. Largest error of a gradient against float64: {_number(error, '.1e')}."
    )
    head = ("training step", "of the time of torch's", "plain autograd", "torch operations by hand", "compiled")
    return _lines(head, rows, below)


def _featurisers(made: Sequence[Record]) -> str:
    rows = [
        [
            record.model,
            str(record.board),
            _number(record.numbers.get("instructions_per_frame")),
            _number(record.numbers.get("instructions_per_sample"), ",.1f"),
            _number(record.numbers.get("arena_bytes")),
            _number(record.numbers.get("constant_bytes")),
            f"{record.numbers.get('mismatches')} of {record.numbers.get('frames')}",
        ]
        for record in made
        if record.what == results.FEATURISER_COST
    ]
    error = results.reached(made)["log_mel_error"]
    below = (
        "Relative error of log-mel's energies against librosa over all frames of speech_commands, median of the worst band: "
        f"{UNKNOWN if error is None else f'{error:.2%}'}."
    )
    head = ("featuriser", "board", "instructions a frame", "a sample", "RAM", "constants", "unlike the twin")
    return _lines(head, rows, below)


def _mnist(made: Sequence[Record]) -> str:
    rows = [
        [
            one.name,
            f"{one.steps} of {mnist.PIXELS // one.steps}",
            _number(results.most_bytes(made, one.name)),
            _spread(made, one.name),
            _spread(made, one.name, "accuracy_float"),
        ]
        for one in mnist.SETTINGS
    ]
    taught = next((f" Teacher: {r.model}." for r in made if r.what == teachers.TRAINED), "")
    below = (
        f"{SEEDS_SAID}; bytes of the weights, the most of any seed. All training digits, the last weights. Published for FastGRNN: "
        f"{mnist.PUBLISHED} (pixels).{taught}"
    )
    return _lines(("FastGRNN", "steps", "weights, bytes", "integers, %", "float, %"), rows, below)


def _keywords(made: Sequence[Record]) -> str:
    rows = [
        [
            one.name,
            _number(results.most_bytes(made, one.name)),
            _spread(made, one.name),
            _spread(made, one.name, "accuracy_float"),
        ]
        for one in keywords.SETTINGS
    ]
    gru = _spread(made, keywords.GRU.name, "accuracy_float", keywords.REFERENCE)
    rows.append(["GRU of 64 units, full precision, trained alike", "", "", gru])
    logistic = [r.numbers.get("accuracy_float") for r in made if r.what == keywords.LOGISTIC]
    percent = f"{100 * float(logistic[0] or 0):.2f}" if logistic else UNKNOWN
    rows.append(["logistic regression on pooled log-mel", "", "", percent])
    below = (
        f"12 classes, raw samples in, {keywords.SPLIT}. {SEEDS_SAID}. Published sets have tens of thousands of recordings; of theirs only "
        "1,840 can be had here, so published accuracies do not compare."
    )
    return _lines(("keywords", "weights, bytes", "integers, %", "float, %"), rows, below)


def _keyword_costs(made: Sequence[Record]) -> str:
    rows = []
    for one in keywords.SETTINGS:
        for board in on_boards.targets():
            record = next((r for r in _tried(made, one.name, board) if r.settings["form"] == on_boards.STREAM), None)
            rows.append([one.name, board, *_cost(record)])
    below = (
        "Samples one at a time at 16 kHz, featuriser included; an answer a second. The sampling rate that the board sustains is estimated "
        "from cycles without waiting for memory, for samples that wait in a buffer."
    )
    head = (
        "keywords",
        "board",
        "instructions a sample",
        "at most",
        "largest rate, Hz",
        "flash",
        "RAM",
        "unlike the twin",
    )
    return _lines(head, rows, below)


def _tried(made: Iterable[Record], name: str, board: str) -> list[Record]:
    """Return the records of a model on a board, those where it does not fit among them."""
    kinds = (on_boards.CHECKED, on_boards.TOO_LARGE, on_boards.FAULT)
    return [r for r in made if r.what in kinds and (r.model, r.board) == (name, board)]


def _cost(record: Record | None) -> list[str]:
    if record is None or record.what != on_boards.CHECKED:
        return [*["" for _ in range(5)], _agreed(record)]
    numbers = record.numbers
    rate = numbers.get("sampling_hertz") or numbers.get("sampling_hertz_estimated")
    keys = ("flash_bytes", "ram_bytes")
    return [
        _number(numbers.get("instructions_per_sample"), ",.1f"),
        _number(numbers.get("instructions_per_sample_largest")),
        _number(rate),
        *(_number(numbers.get(key)) for key in keys),
        _agreed(record),
    ]


def _agreed(record: Record | None) -> str:
    if record is None:
        return UNKNOWN
    if record.what == on_boards.TOO_LARGE:
        over = ", ".join(f"{kind.removesuffix('_bytes_over')} {_number(n)}" for kind, n in record.numbers.items())
        return f"too small by {over}"
    if record.what == on_boards.FAULT:
        return "FAULT"
    return f"{record.numbers.get('mismatches')} of {_number(record.numbers.get('vectors'))}"


def _dense(made: Sequence[Record]) -> str:
    rows = []
    for one in dense_cost.SETTINGS:
        count = results.middle(made, on_boards.CHECKED, one.name, "instructions_per_inference")
        rows.append([one.name, str(dict(one.settings)), _spread(made, one.name), _number(count)])
    below = f"99 steps of 32 log-mel bands, whole sequences, Cortex-M4, from the bands on. {SEEDS_SAID}."
    return _lines(("dense", "settings", "integers, %", "instructions"), rows, below)


def _emi(made: Sequence[Record]) -> str:
    rows = []
    for one in emi.SETTINGS:
        for kind in one.kinds:
            name = emi.called(one.name, kind)
            steps = results.middle(made, trained.ACCURACY, name, "steps_executed")
            size = results.most_bytes(made, name)
            rows.append([one.name, kind, _number(size), _spread(made, name), _number(steps, ",.1f")])
    below = f"{SEEDS_SAID}. Steps of the recurrence that the integers execute for a test row."
    return _lines(("data", "learner", "weights, bytes", "integers, %", "steps"), rows, below)


def _msc(made: Sequence[Record]) -> str:
    rows = []
    for kind in msc.KINDS:
        name = msc.called(kind)
        values = [
            results.middle(made, on_boards.CHECKED, name, key, msc.STREAM)
            for key in ("accuracy_integer", "instructions_per_second")
        ]
        percent = None if values[0] is None else 100 * values[0]
        size = _number(results.most_bytes(made, name))
        rows.append([kind, size, _spread(made, name), _number(percent, ".2f"), _number(values[1])])
    below = f"{SEEDS_SAID}. The stream is {msc.CONSTRUCTED}; instructions on a Cortex-M4."
    head = ("radhar", "weights, bytes", "integers, %", "on the constructed stream, %", "instructions a second there")
    return _lines(head, rows, below)


def _rounding(made: Sequence[Record]) -> str:
    name, what = quantised_training.NAME, quantised_training.LOST
    unlike = results.reached(made)["view_unlike"]
    keys = ("accuracy_full_precision", "accuracy_view", "accuracy_integer")
    row = [name, *(_spread(made, name, key, what) for key in keys), _number(unlike)]
    below = f"{SEEDS_SAID}."
    return _lines(("training", "full precision, %", "float view, %", "integers, %", "answers unlike"), [row], below)


def _boards(made: Sequence[Record]) -> str:
    rows = []
    for learner in agreement.LEARNERS:
        cells_of = []
        for board in on_boards.targets():
            tried = _tried(made, agreement.called(learner), board)
            cells_of.append("; ".join(_agreed(record) for record in tried) or UNKNOWN)
        rows.append([learner, *cells_of])
    below = "Vectors unlike the twin's, of all: whole sequences; samples one at a time, held against the twin of the whole sequence too."
    return _lines(("learner", *on_boards.targets()), rows, below)
