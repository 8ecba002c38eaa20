"""The records as tables, Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.any_model import classical, everywhere, results, sources
from benchmarks.rivals import measuring
from edgewright import boards
from edgewright.records import Record

UNKNOWN = "not measured"


def table(made: Sequence[Record]) -> str:
    """Return what the documentation shows: networks, digits, boards."""
    return "\n\n".join((_networks(made), _quality(made), _digits(made), _boards(made)))


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _share(value: float | None, rival: float) -> str:
    return "" if value is None else f"{value / rival:.2f}"


def _networks(made: Sequence[Record]) -> str:
    lines = [
        "| model on STM32F405 (M4F) | figure | LiteRT Micro + CMSIS-NN | ours | ours to theirs | ours, calibrated by us | to theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, network in sources.NETWORKS.items():
        both = [results.one(made, what, name) for what in ("cost", "calibrated cost")]
        instructions = [None if r is None else r.numbers.get("instructions_per_inference") for r in both]
        rows = (
            ("instructions", network.rival_instructions, instructions),
            ("RAM, bytes", network.rival_ram_bytes, [results.ram_bytes(r) for r in both]),
            ("code, bytes", None, [results.code_bytes(r) for r in both]),
            ("stack, bytes", None, [None if r is None else r.numbers.get("stack_bytes") for r in both]),
        )
        for figure, rival, ours in rows:
            cells = [f"{network.doc} ({name})", figure, "" if rival is None else _count(rival)]
            for value in ours:
                cells += [_count(value), "" if rival is None else _share(value, rival)]
            lines.append(f"| {' | '.join(cells)} |")
    compilers = sorted({str(record.compiler) for record in made if record.what == "cost" and record.compiler})
    lines += [
        "",
        f"MLPerf Tiny's int8 files, then its float files quantised by our calibration. Both sides {', '.join(compilers)} at -O2; RAM: "
        "arena, static data and the buffers of input and output, which the rival's arena holds too; code with helpers, without weights "
        "and tables.",
    ]
    return "\n".join(lines)


def _quality(made: Sequence[Record]) -> str:
    lines = [
        "| network | int8 file against LiteRT's reference kernels | calibrated by us against float |",
        "|---|---|---|",
    ]
    for name in sources.NETWORKS:
        record = results.one(made, "reference", name)
        against = UNKNOWN
        if record is not None:
            n = record.numbers
            different = sum(
                int(n[key] or 0)
                for key in ("product_entries_different", "other_entries_different", "output_entries_different")
            )
            steps = max(int(n["product_largest_step"] or 0), int(n["other_largest_step"] or 0))
            against = f"{n['rows']} inputs, {different:,} entries differ, by {steps} at most"
        lines.append(f"| {name} | {against} | {_calibrated(made, name)} |")
    return "\n".join(lines)


def _calibrated(made: Sequence[Record], name: str) -> str:
    record = results.one(made, "calibrated", name)
    if record is None:
        return UNKNOWN
    n = {key: float(value) for key, value in record.numbers.items() if value is not None}
    if name == "IC":
        accuracies = (n["accuracy_integer"], n["accuracy_int8_file"], n["accuracy_float"])
        ours, theirs, real = (f"{100 * value:.2f} %" for value in accuracies)
        return f"accuracy {ours} (int8 file {theirs}, float {real}), {n['rows']:,.0f} images"
    if name == "AD":
        largest, middle = n["reconstruction_error_apart_largest"], n["reconstruction_error_apart_mean"]
        return (
            f"reconstruction error {100 * middle:.2f} % apart, {100 * largest:.2f} % at most, {n['rows']:.0f} windows"
        )
    return (
        f"outputs {n['error_mean']:.4f} apart, {n['error_largest']:.3f} at most, {n['answers_different']:.0f} answers of "
        f"{n['rows']:.0f} differ, seeded inputs"
    )


def _digits(made: Sequence[Record]) -> str:
    lines = ["| digits | predictions unlike scikit-learn's | flash, bytes | instructions |", "|---|---|---|---|"]
    for record in made:
        if record.what == "forest" or (record.what == measuring.MEASURED and record.model in classical.RIVALS):
            name = "forest, ours" if record.what == "forest" else f"forest, {record.model}"
            n = record.numbers
            cells = [n.get(key) for key in ("different_predictions", "flash_bytes", "instructions_per_inference")]
            lines.append(f"| {name} | {' | '.join(map(_count, cells))} |")
        elif record.what == "network cost":
            n = record.numbers
            spent = (
                f"{_count(n.get('instructions_per_inference'))}"
                if record.settings["core"] != "uno"
                else f"{_count(n.get('cycles_per_inference'))} cycles, {_count(n.get('ram_bytes'))} B RAM"
            )
            name = f"MLP 64-32-10 of seed {record.seed} on {record.board}"
            lines.append(f"| {name} | | {_count(n.get('flash_bytes'))} | {spent} |")
    return "\n".join(lines)


def _boards(made: Sequence[Record]) -> str:
    names = [name for name in boards.names() if name != "host"]
    lines = [f"| instructions of one inference | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for model in everywhere.MODELS:
        cells = [_on(made, model, name) for name in names]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    lines += ["", "Twin, host and board agree on every vector unless a cell says otherwise."]
    return "\n".join(lines)


def _on(made: Sequence[Record], model: str, board: str) -> str:
    if record := results.one(made, everywhere.CHECKED, model, board):
        wrong = record.numbers["mismatches"]
        counted = record.numbers.get("instructions_per_inference")
        return f"{wrong} MISMATCHES" if wrong else ("the same" if counted is None else _count(counted))
    if record := results.one(made, everywhere.TOO_LARGE, model, board):
        over = ", ".join(f"{kind.removesuffix('_bytes_over')} {_count(n)}" for kind, n in record.numbers.items())
        return f"too small by {over}"
    return "FAULT" if results.one(made, everywhere.FAULT, model, board) else UNKNOWN
