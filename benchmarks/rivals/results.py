"""What the records say, as numbers for bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.rivals import generators, measuring, networks, timing
from edgewright.records import Record

OURS = "edgewright"


def generator_record(
    made: Iterable[Record], generator: str, case: str, board: str, level: str = "-O2"
) -> Record | None:
    """Return the record of a generator's model on a board, measured or left out, or None."""
    wanted = {"generator": generator, "case": case, "optimise": level}
    for record in made:
        if (
            record.what in (measuring.MEASURED, measuring.LEFT_OUT)
            and record.board == board
            and all(record.settings.get(key) == value for key, value in wanted.items())
        ):
            return record
    return None


def generator_number(
    made: Iterable[Record], key: str, case: str, board: str, generator: str = OURS, level: str = "-O2"
) -> float | None:
    """Return a number of a generator's model on a board, ours unless named, or None where it was not measured."""
    record = generator_record(made, generator, case, board, level)
    return None if record is None else record.numbers.get(key)


def against_best(
    made: Sequence[Record], key: str, case: str, board: str, level: str = "-O2", *, exact: bool = False
) -> float | None:
    """Return ours divided by the least of all rivals. exact: of those only that predict as scikit-learn does, on every row.

    Up to the class against those that give a class; a rival that gives scores is held against ours up to the scores.
    """
    ratios = []
    for name in generators.names():
        record = generator_record(made, name, case, board, level)
        if generators.get(name).package is None or record is None or record.numbers.get("rows") is None:
            continue
        if exact and record.numbers["different_predictions"]:
            continue
        own = OURS if record.settings["gives"] == "class" else f"{OURS}_scores"
        mine, rival = generator_number(made, key, case, board, own, level), record.numbers.get(key)
        if mine is None or not rival:
            return None
        ratios.append(mine / rival)
    return max(ratios, default=None)


def forward_seconds(made: Iterable[Record], forward: str, network: str, statistic: str = "seconds") -> float | None:
    """Return the median of a forward pass's seconds ("seconds_least": the least), or None where it was not measured."""
    for record in made:
        settings = record.settings
        if (record.what, settings.get("forward"), settings.get("network")) == (timing.MEASURED, forward, network):
            return record.numbers.get(statistic)
    return None


def times_faster(made: Sequence[Record], forward: str, network: str) -> float | None:
    """Return how many times faster ours is than another forward pass, or None where one was not measured.

    Of the medians or of the least times, whichever says less for us: a busy computer stretches the two apart.
    """
    ratios = []
    for statistic in ("seconds", "seconds_least"):
        mine, other = (forward_seconds(made, name, network, statistic) for name in (OURS, forward))
        if mine is None or other is None:
            return None
        ratios.append(other / mine)
    return min(ratios)


def large_to_torch(made: Sequence[Record]) -> float | None:
    """Return our time divided by PyTorch's on one thread, of the large layer where that is worst."""
    ratios = [times_faster(made, "torch", name) for name in networks.LARGE]
    found = [1 / ratio for ratio in ratios if ratio]
    return max(found) if len(found) == len(ratios) else None


def reached(made: Sequence[Record]) -> dict[str, float | None]:
    """Return the numbers that the bars of this benchmark are held against."""
    left_out = [record for record in made if record.what in (measuring.LEFT_OUT, timing.LEFT_OUT)]
    forest = [
        record.numbers["different_predictions"]
        for record in made
        if record.what == measuring.MEASURED and record.model == OURS and record.settings["case"] == "forest"
    ]
    same = [record.numbers["same"] for record in made if record.what == timing.MEASURED]
    whole = [times_faster(made, "onnx_reference", name) for name in networks.NETWORKS]
    measured = [times for times in whole if times is not None]
    found: dict[str, float | None] = {
        "unexplained": float(sum(not record.settings.get("reason") for record in left_out)) if made else None,
        "forest_differences": None if not forest or None in forest else float(sum(n or 0 for n in forest)),
        "forest_flash": against_best(made, "flash_bytes", "forest", "stm32f405", exact=True),
        "forest_instructions": against_best(made, "instructions_per_inference", "forest", "stm32f405", exact=True),
        "forest_flash_any": against_best(made, "flash_bytes", "forest", "stm32f405"),
        "forest_instructions_any": against_best(made, "instructions_per_inference", "forest", "stm32f405"),
        "times_beaverpy": times_faster(made, "beaverpy", networks.SMALL),
        "times_reference": times_faster(made, "onnx_reference", networks.SMALL),
        "large_to_torch": large_to_torch(made),
        "networks_times_reference": min(measured) if len(measured) == len(whole) else None,
        "forward_differences": float(sum(not n for n in same)) if same else None,
    }
    for core, board in (("m4", "stm32f405"), ("m0", "microbit")):
        found[f"network_flash_{core}"] = against_best(made, "flash_bytes", "network", board)
        found[f"network_instructions_{core}"] = against_best(made, "instructions_per_inference", "network", board)
    return found
