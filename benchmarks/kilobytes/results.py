"""What the records say, as numbers for bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.kilobytes import accuracy, ancestors, kernels, models, on_boards, training_speed
from benchmarks.kilobytes.models import Setting
from benchmarks.rivals import measuring
from edgewright.bench import mean
from edgewright.records import Record

Numbers = dict[str, float | None]
TITLES = {"fastgrnn": "FastGRNN", "protonn": "ProtoNN", "bonsai": "Bonsai"}
FLOAT_MODELS = ("usps fastgrnn 2.1", "usps protonn 5.2", "usps bonsai 6.3")
UNO_MODEL, BONSAI, PROTONN = "usps fastgrnn 2.1", "usps bonsai 6.3", "usps protonn 5.2"


def reached(made: Sequence[Record]) -> Numbers:
    """Return the number behind each bar, None for what was not measured."""
    found: Numbers = {}
    lost = []
    for setting in models.MODELS:
        found[f"{setting.name} accuracy"] = percent(made, setting, "accuracy_integer")
        found[f"{setting.name} bytes"] = weight_bytes(made, setting)
        real, integer = percent(made, setting, "accuracy_float"), found[f"{setting.name} accuracy"]
        lost.append(None if real is None or integer is None else real - integer)
    return {
        **found,
        "points_lost": largest(lost),
        "uno_int16": counted(made, UNO_MODEL, "avr", "milliseconds"),
        "uno_view": counted(made, f"{UNO_MODEL} view", "avr", "milliseconds"),
        "fastgrnn_m4": counted(made, UNO_MODEL, "m4", "instructions_per_inference"),
        "fastgrnn_m0": counted(made, UNO_MODEL, "m0", "instructions_per_inference"),
        "bonsai_m0": counted(made, BONSAI, "m0", "instructions_per_inference"),
        "protonn_m0": counted(made, PROTONN, "m0", "instructions_per_inference"),
        **_against_float(made),
        **{f"dense_{core}": of_kernel(made, core, "gcc") for core in on_boards.CORES},
        "step_torch": of_step(made, "torch_to_gru"),
        "step_compiled": of_step(made, "compiled_to_gru"),
        "step_error": of_step(made, "gradient_error"),
        **_agreement(made),
        "unexplained": _unexplained(made),
    }


def pairs_wanted() -> float:
    """Return how many pairs of model and board there are."""
    return float(len(models.MODELS) * len(tuple(on_boards.targets())))


def of_model(made: Iterable[Record], what: str, name: str) -> list[Record]:
    """Return the records of a kind and a model."""
    return [record for record in made if (record.what, record.model) == (what, name)]


def percent(made: Iterable[Record], setting: Setting, key: str) -> float | None:
    """Return an accuracy in percent, mean of the seeds; None unless all of them were trained."""
    trained = of_model(made, accuracy.ACCURACY, setting.name)
    if {record.seed for record in trained} != set(models.SEEDS):
        return None
    middle = mean(record.numbers.get(key) for record in trained)
    return None if middle is None else 100 * middle


def weight_bytes(made: Iterable[Record], setting: Setting) -> float | None:
    """Return the most bytes of weights of any seed, as the portable C holds them."""
    return largest([record.numbers.get("weight_bytes") for record in of_model(made, accuracy.ACCURACY, setting.name)])


def packed_bytes(made: Iterable[Record], setting: Setting) -> float | None:
    """Return the most bytes of constants without tables, of seed 0, on any board: some kernels keep sums of weights beside them."""
    boards = of_model(made, on_boards.CHECKED, setting.name)
    return largest([record.numbers.get("weight_bytes") for record in boards])


def counted(
    made: Iterable[Record],
    name: str,
    core: str,
    key: str,
    *,
    kernels: str = on_boards.OURS,
    compiler: str = "gcc",
) -> float | None:
    """Return a number of the record of what a model costs on a core, None where it was not measured."""
    wanted = {"core": core, "kernels": kernels, "compiler": compiler}
    for record in of_model(made, on_boards.COST, name):
        if wanted.items() <= record.settings.items():
            return record.numbers.get(key)
    return None


def real_build(made: Iterable[Record], name: str, core: str) -> Record | None:
    """Return the record of a float build on a core, or None."""
    return next((r for r in of_model(made, ancestors.FLOAT, name) if r.settings["core"] == core), None)


def largest(values: Iterable[float | int | None]) -> float | None:
    """Return the largest of what was measured, None where anything is missing."""
    found = list(values)
    measured = [float(value) for value in found if value is not None]
    return max(measured) if measured and len(measured) == len(found) else None


def _against_float(made: Sequence[Record]) -> Numbers:
    times: list[float | None] = []
    for name in FLOAT_MODELS:
        record, ours = real_build(made, name, "m0"), counted(made, name, "m0", "instructions_per_inference")
        real = None if record is None else record.numbers.get("instructions_per_inference")
        times.append(None if real is None or ours is None else real / ours)
    builds = [record for record in made if record.what == ancestors.FLOAT]
    worst = largest(None if value is None else -value for value in times)
    return {
        "times_float": None if worst is None else -worst,
        "float_different": float(sum(not r.numbers["same_to_rounding"] for r in builds)) if builds else None,
    }


def of_kernel(made: Iterable[Record], core: str, compiler: str) -> float | None:
    """Return instructions, on an AVR cycles, by product of the dense layer on a core; None where it was not measured."""
    key = "cycles_per_product" if core == "avr" else "instructions_per_product"
    wanted = (core, compiler)
    found = [record for record in made if record.what == kernels.KERNEL]
    values = [r.numbers.get(key) for r in found if (r.settings["core"], r.settings["compiler"]) == wanted]
    return values[-1] if values else None


def of_step(made: Iterable[Record], key: str) -> float | None:
    """Return a number of the training step, None where it was not measured."""
    values = [record.numbers.get(key) for record in made if record.what == training_speed.STEP]
    return values[-1] if values else None


def _agreement(made: Sequence[Record]) -> Numbers:
    looked = (accuracy.ACCURACY, on_boards.COST, on_boards.CHECKED, kernels.KERNEL)
    wrong = [record.numbers.get("mismatches") for record in made if record.what in looked]
    whole = (on_boards.CHECKED, on_boards.TOO_LARGE, on_boards.FAULT)
    pairs = [record for record in made if record.what in whole and "core" not in record.settings]
    return {
        "mismatches": None if not wrong or None in wrong else float(sum(value or 0 for value in wrong)),
        "pairs": float(len({(record.model, record.board) for record in pairs})) if pairs else None,
        "faults": float(sum(record.what == on_boards.FAULT for record in made)) if pairs else None,
    }


def _unexplained(made: Sequence[Record]) -> float | None:
    asked = [record for record in made if record.what in (measuring.MEASURED, measuring.LEFT_OUT)]
    if not asked:
        return None
    return float(sum(r.what == measuring.LEFT_OUT and not r.settings.get("reason") for r in asked))
