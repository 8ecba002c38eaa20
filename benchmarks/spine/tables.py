"""The records as a table, Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgewright.records import Record


def table(made: Sequence[Record]) -> str:
    """The README's table: accuracy over the seeds, and what seed 0 costs on each board."""
    costs = {(r.model, r.board): r for r in made if r.what == "deploy"}
    lines = [
        "| digits, 540 test rows | weights | accuracy of the integers (float) | micro:bit, M0 | STM32F405, M4F | Uno, AVR |",
        "|---|---|---|---|---|---|",
    ]
    for name, title in (("bonsai", "Bonsai"), ("protonn", "ProtoNN"), ("fastgrnn", "FastGRNN, 8 steps")):
        rows = [r for r in made if r.what == "accuracy" and r.model == name]
        integers, floats = (
            [100 * float(r.numbers[key] or 0) for r in rows] for key in ("accuracy_integer", "accuracy_float")
        )
        weights = max(int(r.numbers["weight_bytes"] or 0) for r in rows)
        spread = (
            f"{statistics.fmean(integers):.1f} ± {statistics.pstdev(integers):.1f} % ({statistics.fmean(floats):.1f})"
        )
        lines.append(f"| {title} | {weights:,} B | {spread} | {_costs(costs, name)} |")
    forest_rows = next(r for r in made if r.what == "forest")
    accuracy_of_forest = 100 * float(forest_rows.numbers["accuracy_integer"] or 0)
    lines.append(
        f"| scikit-learn forest, 10 x depth 8 | | {accuracy_of_forest:.1f} % (the same) | {_costs(costs, 'forest')} |"
    )
    stacks = [int(r.numbers["stack_bytes"] or 0) for r in made if r.what == "deploy" and r.numbers.get("stack_bytes")]
    compilers = sorted({str(r.compiler) for r in made if r.what == "deploy" and r.compiler})
    lines += [
        "",
        "Mean ± standard deviation of training seeds 0, 1, 2; costs of seed 0: flash with code and helpers, "
        f"RAM without the stack ({min(stacks)} to {max(stacks)} bytes), "
        f"then instructions of one inference, or the exact time at 16 MHz. Compilers: {', '.join(compilers)}, -O2. "
        "`edgewright bench spine` measures it again, `--show` prints the bars.",
    ]
    return "\n".join(lines)


def _costs(costs: dict[tuple[str, str | None], Record], model: str) -> str:
    cells = []
    for board in ("microbit", "stm32f405", "arduino-uno"):
        record = costs.get((model, board))
        if record is None or record.numbers.get("flash_bytes") is None:
            cells.append("not measured")
            continue
        n = record.numbers
        milliseconds = n.get("milliseconds")
        last = (
            f"{milliseconds:.1f} ms"
            if milliseconds is not None
            else f"{n['instructions_per_inference'] or 0:,.0f} instr."
        )
        cells.append(f"{n['flash_bytes']:,} B, {n['ram_bytes']:,} B, {last}")
    return " | ".join(cells)
