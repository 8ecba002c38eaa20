"""The settings of quantisation for images, chosen on training images alone: what each does for the networks of MLPerf Tiny."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np

from benchmarks.any_model import sources
from edgewright import records
from edgewright.bench import Benchmark, Unit
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import IMAGES, Settings
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import same_class, signal_to_noise

PLAIN = Settings(activation="int8", input="int8")
PARTS = {"zero_points": True, "calibration": "mean-squared-error", "bias_correction": True, "equalise": True}
ALL = replace(PLAIN, zero_points=True, calibration="mean-squared-error", bias_correction=True, equalise=True)
CHOICES = {
    "nothing": PLAIN,
    "everything": ALL,
    **{f"without {name}": replace(ALL, **{name: getattr(PLAIN, name)}) for name in PARTS},
    **{f"{name}, any scales": replace(one, scales="any") for name, one in (("nothing", PLAIN), ("everything", ALL))},
    **{
        f"without {name}, any scales": replace(ALL, scales="any", **{name: getattr(PLAIN, name)})
        for name in ("calibration", "bias_correction", "equalise")
    },
}
NETWORKS = ("IC", "KWS", "VWW", "AD")
IMAGES_SCORED = 1_000  # of the training part, behind those that calibrate
SEEDED_ROWS = 50
AT_ONCE = 50


def scored_rows(network: str, count: int) -> tuple[Array, str]:
    """Return rows that calibration has not seen, and what they are: none of them is a test image."""
    if network == "AD":
        return sources.sounds()[1::2], "every second window of a machine's sound"
    if network != "IC":
        return sources.seeded_rows(network, count, sources.SEED), f"seeded, {count} rows"
    images, _ = sources.photographs("train", sources.TRAINING_IMAGES + count)
    first = sources.TRAINING_IMAGES
    return images[first:].astype(np.float64), f"cifar10_jpeg train, {first} to {first + count}"


def compare(choice: str, network: str, quick: bool) -> Iterator[Record]:
    """Measure one choice of settings on one network. Raises MissingTool."""
    graph, settings = sources.real_graph(network), CHOICES[choice]
    calibration = sources.calibration_rows(network)[: 20 if quick else None]
    quantised = to_integers(graph, calibration, settings)
    rows, data = scored_rows(network, 20 if quick else IMAGES_SCORED if network == "IC" else SEEDED_ROWS)
    parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
    real = np.concatenate([run_float(graph, part) for part in parts])
    integers = [run_integer(quantised, quantise_array(part, quantised.input_type)) for part in parts]
    ours = dequantise_array(np.concatenate(integers), quantised.output_type)
    yield records.make(
        "quantisation defaults",
        network,
        data=data,
        seed=sources.SEED,
        graph_hash=quantised.hash,
        settings={"choice": choice, **asdict(settings)},
        numbers={
            "rows": len(rows),
            "snr_db": signal_to_noise(real, ours),
            "agreement": same_class(real, ours) if sources.NETWORKS[network].classifies else None,
        },
    )


def units(quick: bool) -> Sequence[Unit]:
    """Return a unit a choice and network; quick: the default and nothing at all, on the smallest network."""
    choices, networks = (("nothing", "everything"), ("AD",)) if quick else (tuple(CHOICES), NETWORKS)
    return [
        Unit(f"{network}, {choice}", partial(compare, choice, network, quick))
        for network in networks
        for choice in choices
    ]


def table(made: Iterable[Record]) -> str:
    """Return the choices, and what each reached."""
    found: Mapping[tuple[str, str], Record] = {
        (str(record.settings["choice"]), str(record.model)): record for record in made
    }
    lines = ["| settings | IC agrees | IC dB | KWS dB | VWW dB | AD dB |", "|---|---|---|---|---|---|"]
    for choice, settings in CHOICES.items():
        cells = [_cell(found.get((choice, "IC")), "agreement", ".1%")]
        cells += [_cell(found.get((choice, network)), "snr_db", ".1f") for network in NETWORKS]
        default = " (the default for images)" if settings == IMAGES else ""
        lines.append(f"| {choice}{default} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(record: Record | None, key: str, form: str) -> str:
    value = record.numbers.get(key) if record else None
    return "-" if value is None else f"{value:{form}}"


ENTRY = Benchmark(
    doc="Settings of quantisation for images, compared on training images and seeded rows.",
    bars=(),
    units=units,
    summarise=lambda made: {},
    table=table,
)
