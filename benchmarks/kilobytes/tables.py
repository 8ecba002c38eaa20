"""The records as tables, Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kilobytes import accuracy, ancestors, models, on_boards, results, teachers, training_speed
from benchmarks.kilobytes.models import Setting
from benchmarks.rivals import measuring
from edgewright import boards
from edgewright.records import Record

UNKNOWN = "not measured"
SHOWN = ("m0", "m4", "avr")  # cores beside each other


@dataclass(frozen=True)
class Published:
    """A figure of others, as they published it. accuracy: percent. kilobytes: as they count."""

    what: str
    accuracy: str
    kilobytes: str
    uno: str
    source: str


PUBLISHED = (
    Published(
        "FastGRNN", "94.2 (last epoch 93.5)", "7.55", "about 280 ms", "EdgeML's example; its fixed point on the Uno"
    ),
    Published("ProtoNN", "94.9", "64", "", "Gupta et al., ICML 2017"),
    Published("Bonsai", "94.4 (last epoch 93.0)", "31.7", "", "EdgeML's example"),
    Published("ProtoNN, SeeDot", "92.0", "", "14.0 ms", "Gopinath et al., PLDI 2019"),
    Published("Bonsai, SeeDot", "92.0", "", "9.2 ms", "Gopinath et al., PLDI 2019"),
)


def table(made: Sequence[Record]) -> str:
    """Return what the documentation shows: accuracy for the bytes, costs, ancestors and rivals, boards."""
    return "\n\n".join((_accuracy(made), _costs(made), _training(made), _side_by_side(made), _boards(made)))


def _number(value: float | None, form: str = ",.0f") -> str:
    return UNKNOWN if value is None else format(value, form)


def _title(setting: Setting) -> str:
    view = ", 8-bit view of the state" if setting.has_view else ""
    return f"{results.TITLES[setting.learner]}, {setting.kilobytes:g} KB{view}"


def _accuracy(made: Sequence[Record]) -> str:
    lines = [
        "| digits | model | weights, bytes | packed for a core, at most | accuracy of the integers, % | float, % | published |",
        "|---|---|---|---|---|---|---|",
    ]
    for setting in models.MODELS:
        cells = [
            setting.data,
            _title(setting),
            _number(results.weight_bytes(made, setting)),
            _number(results.packed_bytes(made, setting)),
            _spread(made, setting, "accuracy_integer"),
            _spread(made, setting, "accuracy_float"),
            setting.published,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    names = {
        record.data: f"{record.model}: {100 * float(record.numbers['accuracy_test'] or 0):.2f} % on the test digits"
        for record in made
        if record.what == teachers.TRAINED
    }
    lines += [
        "",
        f"Mean ± standard deviation of seeds {', '.join(map(str, models.SEEDS))}; weights are values, indices, biases and scales as the "
        "portable C holds them, the most of any seed; kernels of some cores pack them and keep sums of them beside (the most of seed 0 on "
        "any board). A fixed list of settings, trained on all training digits, the last weights, none chosen by its test figure. Teachers: "
        + ("; ".join(names.values()) or UNKNOWN)
        + ".",
    ]
    return "\n".join(lines)


def _spread(made: Sequence[Record], setting: Setting, key: str) -> str:
    trained = results.of_model(made, accuracy.ACCURACY, setting.name)
    values = [100 * float(value) for r in trained if (value := r.numbers.get(key)) is not None]
    if len(values) < len(models.SEEDS):
        return UNKNOWN
    middle = sum(values) / len(values)
    deviation = (sum((value - middle) ** 2 for value in values) / len(values)) ** 0.5
    return f"{middle:.2f} ± {deviation:.2f}"


def _costs(made: Sequence[Record]) -> str:
    cores = tuple(on_boards.CORES)
    titles = [f"{boards.get(on_boards.CORES[core]).core.replace('_', ' ')}" for core in cores]
    lines = [
        f"| usps, instructions of one inference (Uno: cycles), gcc; zig | {' | '.join(titles)} |",
        f"|---|{'---|' * len(cores)}",
    ]
    for setting in on_boards.counted_models():
        cells = [_both(made, setting.name, core) for core in cores]
        lines.append(f"| {_title(setting)} | {' | '.join(cells)} |")
    cells = [_kernel(made, core) for core in cores]
    lines.append(f"| dense 128x640 after a relu, each product | {' | '.join(cells)} |")
    used = sorted({str(r.compiler) for r in made if r.what == on_boards.COST and r.compiler})
    lines += [
        "",
        f"Seed 0, from entry to return up to the scores, mean of {on_boards.COUNTED_ROWS} test digits: {', '.join(used)}, -O2.",
    ]
    return "\n".join(lines)


def _both(made: Sequence[Record], name: str, core: str) -> str:
    key = _spent(core)
    cells = [results.counted(made, name, core, key, compiler=compiler) for compiler in ("gcc", "zig")]
    if core == "avr" and cells[0] is not None:
        milliseconds = results.counted(made, name, core, "milliseconds")
        return f"{_number(cells[0])} ({_number(milliseconds, '.1f')} ms)"
    return "; ".join(_number(cell) for cell in cells if cell is not None) or UNKNOWN


def _kernel(made: Sequence[Record], core: str) -> str:
    cells = [results.of_kernel(made, core, compiler) for compiler in ("gcc", "zig")]
    return "; ".join(f"{cell:.2f}" for cell in cells if cell is not None) or UNKNOWN


def _training(made: Sequence[Record]) -> str:
    cells = [
        _number(results.of_step(made, training_speed.ratio("fastgrnn", name)), ".2f")
        for name in ("plain", "torch", "compiled")
    ]
    error = results.of_step(made, "gradient_error")
    return "\n".join(
        (
            "| training step, of the time of torch.nn.GRU | plain autograd | torch operations by hand | compiled |",
            "|---|---|---|---|",
            f"| FastGRNN, {training_speed.TIMED.hidden} units, {training_speed.TIMED.steps} steps | {' | '.join(cells)} |",
            "",
            f"One thread; largest error of a gradient against float64: {UNKNOWN if error is None else f'{error:.1e}'}.",
        )
    )


def _spent(core: str) -> str:
    return "cycles_per_inference" if core == "avr" else "instructions_per_inference"


def _side_by_side(made: Sequence[Record]) -> str:
    lines = [
        "| usps | accuracy, % | bytes | M0 instructions | M4 instructions | Uno |",
        "|---|---|---|---|---|---|",
    ]
    for one in PUBLISHED:
        size = f"{one.kilobytes} KB" if one.kilobytes else ""
        lines.append(_line(f"{one.what}, published ({one.source})", one.accuracy, size, ["", "", one.uno]))
    rivals = [record for record in made if record.what in (measuring.MEASURED, measuring.LEFT_OUT)]
    for generator, case in dict.fromkeys((r.model, str(r.settings["case"])) for r in rivals):
        here = {r.board: r for r in rivals if (r.model, r.settings["case"]) == (generator, case)}
        whole = here.get(on_boards.CORES[ancestors.WHOLE])
        numbers = {} if whole is None else whole.numbers
        reached = numbers.get("accuracy")
        cells = [_rival(here.get(on_boards.CORES[core]), core) for core in SHOWN]
        percent = None if reached is None else 100 * reached
        lines.append(
            _line(
                f"{ancestors.doc(case)}, {generator}",
                _number(percent, ".2f"),
                _flash(numbers.get("flash_bytes")),
                cells,
            )
        )
    for name in results.FLOAT_MODELS:
        lines += _ours(made, name)
    lines += ["", "Uno: cycles at 16 MHz, exact. Flash: code, constants and what they pull from libraries, on the M4."]
    return "\n".join(lines)


def _ours(made: Sequence[Record], name: str) -> list[str]:
    """Return the lines of a model: its float build, the portable kernels, those of each core."""
    setting = models.get(name)
    real, integer = (
        _number(results.percent(made, setting, key), ".2f") for key in ("accuracy_float", "accuracy_integer")
    )
    build = results.real_build(made, name, "m4")
    flash = _flash(None if build is None else build.numbers.get("flash_bytes"))
    lines = [_line(f"{_title(setting)}, float build", real, flash, [_float(made, name, core) for core in SHOWN])]
    for kernels, label in ((on_boards.PLAIN, "plain C of ours"), (on_boards.OURS, "ours")):
        cells = [_number(results.counted(made, name, core, _spent(core), kernels=kernels)) for core in SHOWN]
        flash = _flash(results.counted(made, name, "m4", "flash_bytes", kernels=kernels))
        lines.append(_line(f"{_title(setting)}, {label}", integer, flash, cells))
    return lines


def _line(*cells: str | Sequence[str]) -> str:
    flat = [part for cell in cells for part in ([cell] if isinstance(cell, str) else cell)]
    return f"| {' | '.join(flat)} |"


def _flash(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f} flash"


def _rival(record: Record | None, core: str) -> str:
    if record is None:
        return UNKNOWN
    value = record.numbers.get(_spent(core))
    return _number(value) if value is not None else str(record.settings.get("reason", UNKNOWN)).replace("|", "/")[:80]


def _float(made: Sequence[Record], name: str, core: str) -> str:
    if record := results.real_build(made, name, core):
        return _number(record.numbers.get(_spent(core)))
    too_large = results.of_model(made, ancestors.TOO_LARGE, name)
    return next((str(r.settings["reason"]) for r in too_large if r.settings["core"] == core), UNKNOWN)


def _boards(made: Sequence[Record]) -> str:
    names = tuple(on_boards.targets())
    lines = [f"| vectors unlike the twin's, of all | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for setting in models.MODELS:
        cells = [_agreement(made, setting.name, board) for board in names]
        lines.append(f"| {setting.data}, {_title(setting)} | {' | '.join(cells)} |")
    lines += [
        "",
        "Seed 0: the whole test set and the corners of the proven range; on the Uno the first 1,000 test digits.",
    ]
    return "\n".join(lines)


def _agreement(made: Sequence[Record], name: str, board: str) -> str:
    for record in made:
        if (record.model, record.board) != (name, board) or "core" in record.settings:
            continue
        if record.what == on_boards.CHECKED:
            return f"{record.numbers['mismatches']} of {_number(record.numbers['vectors'])}"
        if record.what == on_boards.TOO_LARGE:
            over = ", ".join(f"{kind.removesuffix('_bytes_over')} {_number(n)}" for kind, n in record.numbers.items())
            return f"too small by {over}"
        if record.what == on_boards.FAULT:
            return "FAULT"
    return UNKNOWN
