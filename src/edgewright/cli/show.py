"""`edgewright show`: what a stage of the compiler made."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import (
    CalibrationOption,
    EveryOption,
    InputShapeOption,
    JsonOption,
    ModelArgument,
    QuantiseOption,
    StreamOption,
    TargetOption,
)
from edgewright.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from edgewright.deployed import Deployed
    from edgewright.firmware import Firmware

NEEDS_FLOAT = (
    "The quality of quantisation is seen on a model in float and typical rows: give such a file and --calibration."
)


def run(
    file: ModelArgument,
    stage: Annotated[str, typer.Argument(help="graph, integers, memory, bounds, quality, layers or c.")] = "graph",
    board: Annotated[
        str,
        typer.Option(metavar="NAME", help="The board whose kernels memory and c show; nothing else depends on it."),
    ] = "host",
    calibration: CalibrationOption = None,
    target: TargetOption = None,
    quantise: QuantiseOption = None,
    stream: StreamOption = False,
    every: EveryOption = None,
    input_shape: InputShapeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a stage of the compiler made of a model.

    graph: the model as it came. integers: the same after quantisation and passes. memory: the place of every value. bounds: the proven
    extremes of every sum. quality: what quantisation costs, value by value (needs --calibration and a model in float). layers: the
    same for each node that alone computes in integers. c: the sources. With --stream, integers, memory and c are those of the stages that
    take samples one at a time.
    """
    from edgewright import boards
    from edgewright.cli import _models, _rows

    boards.get(board)
    if stage not in STAGES:
        raise UnknownName("stage", stage, STAGES)
    streamed = _models.streaming(stream, every)
    if stream and stage not in OF_STREAMS:
        raise BadInput(
            f"{stage} is the same with and without --stream; give --stream with {', '.join(OF_STREAMS)}, or leave it out."
        )
    model = _models.read_model(file, input_shape=input_shape)
    if stage == "graph":  # needs no calibration
        _print(_Shown(_text_of(model.graph)), json)
        return
    firmware = _models.deploy_model(model, board, calibration, target, quantise, streamed)
    rows = (
        None if calibration is None else _rows.read_rows(calibration, target, "train", model.graph.input_type.shape).x
    )
    _print(STAGES[stage](firmware, rows), json)


class _Shown:
    """What a stage shows: a text, or columns and rows. data: the same for JSON."""

    def __init__(self, text: str = "", columns: tuple[str, ...] = (), rows: list[dict[str, Any]] | None = None) -> None:
        self.text, self.columns, self.rows = text, columns, rows


def _print(shown: _Shown, json: bool) -> None:
    if json:
        _output.print_json({"text": shown.text} if shown.rows is None else {"rows": shown.rows})
        return
    if shown.text:
        print(shown.text)
    if shown.rows is not None:
        lines = [[_cell(value) for value in row.values()] for row in shown.rows]
        _output.print_table(shown.columns, lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else _output.UNKNOWN if value is None else str(value)


def _text_of(graph: Any) -> str:
    """Return a graph as text; of a model that convolves also what the axes of its image are."""
    from edgewright import ir
    from edgewright.compiler.settings import convolves

    images = [value for value in graph.inputs if len(graph.types[value].shape) == 3] if convolves(graph) else []
    layout = [
        f"\n{value} is an image [height, width, channels]: channels come last, rows are [n, ...]." for value in images
    ]
    return ir.to_text(graph) + "".join(layout)


def _integers(firmware: Firmware, rows: Any) -> _Shown:
    from edgewright.ir.stream import to_text_of_stream

    (deployed,) = firmware.models.values()
    return _Shown(to_text_of_stream(deployed.stream) if deployed.stream else _text_of(deployed.graph))


def _memory(firmware: Firmware, rows: Any) -> _Shown:
    from edgewright.compiler.stages import stage_layer

    (deployed,) = firmware.models.values()
    blocks = [
        {
            "value": stage_layer(number, block.value) if deployed.stream else block.value,
            "dtype": block.dtype,
            "offset": block.offset,
            "entries": block.size,
            "first": block.first,
            "last": block.last,
        }
        for number, one in enumerate(firmware.plans())
        for block in one.blocks
    ]
    (entry,) = firmware.program.entries
    plan = firmware.plan()
    text = (
        f"{entry.arena_bytes:,} bytes of working memory that the stages share, and {entry.step.state_bytes:,} bytes of state that the "
        "caller keeps from sample to sample.\n"
        if entry.step
        else f"{plan.arena_bytes:,} bytes of working memory; no plan in this order can need less than "
        f"{plan.lower_bound_bytes:,} ({plan.certificate}).\n"
    )
    return _Shown(text, ("value~", "dtype", "offset>", "entries>", "first step>", "last step>"), blocks)


def _bounds(firmware: Firmware, rows: Any) -> _Shown:
    from edgewright.runtime.ranges import accumulator_bounds

    (deployed,) = firmware.models.values()
    found = [
        {
            "value": bound.value,
            "operator": bound.op,
            "lowest": bound.lowest,
            "highest": bound.highest,
            "bits": bound.bits,
        }
        for bound in accumulator_bounds(deployed.graph)
    ]
    return _Shown("", ("value~", "operator", "lowest>", "highest>", "bits>"), found)


def _prepared(deployed: Deployed, rows: Any) -> Any:
    """Return the float graph whose values have the meaning of the integers'. Raises BadInput where there is none."""
    if rows is None or deployed.settings is None:
        raise BadInput(NEEDS_FLOAT)
    return deployed.prepared


def _quality(firmware: Firmware, rows: Any) -> _Shown:
    from edgewright.runtime.quality import value_quality

    (deployed,) = firmware.models.values()
    found = [
        {
            "value": quality.value,
            "dtype": quality.dtype,
            "scale": quality.scale,
            "snr_db": quality.snr_db if math.isfinite(quality.snr_db) else None,
            "saturated_share": quality.saturated_share,
            "largest_error": quality.largest_error,
        }
        for quality in value_quality(_prepared(deployed, rows), deployed.graph, rows)
    ]
    return _Shown("", ("value~", "dtype", "scale", "SNR dB>", "saturated>", "largest error>"), found)


def _layers(firmware: Firmware, rows: Any) -> _Shown:
    from edgewright.runtime.quality import layer_quality

    (deployed,) = firmware.models.values()
    found = [
        {
            "value": layer.value,
            "operator": layer.op,
            "dtype": layer.dtype,
            "snr_db": layer.snr_db if math.isfinite(layer.snr_db) else None,
            "output_snr_db": layer.output_snr_db if math.isfinite(layer.output_snr_db) else None,
        }
        for layer in layer_quality(_prepared(deployed, rows), deployed.graph, rows)
    ]
    return _Shown("", ("value~", "operator", "dtype", "SNR dB>", "output SNR dB>"), found)


def _sources(firmware: Firmware, rows: Any) -> _Shown:
    files = firmware.program.files
    return _Shown("\n".join(f"/* ---- {name} ---- */\n{text}" for name, text in files.items()))


OF_STREAMS = ("integers", "memory", "c")
STAGES: dict[str, Callable[[Firmware, Any], _Shown]] = {
    "graph": _integers,
    "integers": _integers,
    "memory": _memory,
    "bounds": _bounds,
    "quality": _quality,
    "layers": _layers,
    "c": _sources,
}

ENTRY = Command(run, ("edgewright show firmware/model.edgewright memory --board nano33ble",))
