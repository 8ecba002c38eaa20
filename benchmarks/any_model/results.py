"""What the records say, as numbers for bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.any_model import classical, everywhere, fuzzing, sources
from benchmarks.rivals import networks
from benchmarks.rivals import results as rivals
from edgewright.bench import mean
from edgewright.records import Record

Numbers = dict[str, float | None]


def one(made: Iterable[Record], what: str, model: str, board: str | None = None) -> Record | None:
    """Return the record of a kind, of a model and board, or None where there is none."""
    return next((r for r in made if (r.what, r.model) == (what, model) and board in (None, r.board)), None)


def number(made: Iterable[Record], what: str, model: str, key: str) -> float | None:
    """Return a number of the record of a kind and a model, or None where it was not measured."""
    record = one(made, what, model)
    return None if record is None else record.numbers.get(key)


def summed(*values: float | None) -> float | None:
    """Return a sum, or None where there is nothing or a part was not measured."""
    found = [value for value in values if value is not None]
    return float(sum(found)) if found and len(found) == len(values) else None


def _ratio(value: float | None, to: float) -> float | None:
    return None if value is None else value / to


def reached(made: Sequence[Record]) -> Numbers:
    """Return the numbers that the bars are held against."""
    found: Numbers = {
        "nodes_passed": _total(made, "node cases", "passed"),
        "nodes_unexplained": _total(made, "node cases", "unexplained"),
        "times_beaverpy": rivals.times_faster(made, "beaverpy", networks.SMALL),
        "times_reference": rivals.times_faster(made, "onnx_reference", networks.SMALL),
        "large_to_torch": rivals.large_to_torch(made),
    }
    for name in sources.NETWORKS:
        found |= _network(made, name)
    return found | _calibration(made) | _boards(made) | _digits(made) | _suites(made)


def _total(made: Iterable[Record], what: str, key: str) -> float | None:
    return summed(*(record.numbers.get(key) for record in made if record.what == what))


def code_bytes(record: Record | None) -> float | None:
    """Return the bytes of code with the compiler's helpers, without weights and tables."""
    return None if record is None else summed(record.numbers.get("code_bytes"), record.numbers.get("helper_bytes"))


def ram_bytes(record: Record | None) -> float | None:
    """Return the bytes of arena, static data and the buffers of input and output."""
    return None if record is None else summed(record.numbers.get("ram_bytes"), record.numbers.get("buffer_bytes"))


def _network(made: Sequence[Record], name: str) -> Numbers:
    network, cost = sources.NETWORKS[name], one(made, "cost", name)
    instructions = None if cost is None else cost.numbers.get("instructions_per_inference")
    calibrated = number(made, "calibrated cost", name, "instructions_per_inference")
    others = number(made, "reference", name, "other_largest_step")
    found = {
        "products_different": number(made, "reference", name, "product_entries_different"),
        "others_step": others,
        "entries_different": summed(
            number(made, "reference", name, "product_entries_different"),
            number(made, "reference", name, "other_entries_different"),
            number(made, "reference", name, "output_entries_different"),
        ),
        "answers_different": number(made, "reference", name, "answers_different"),
        "instructions": _ratio(instructions, network.rival_instructions),
        "ram": _ratio(ram_bytes(cost), network.rival_ram_bytes),
        "code": code_bytes(cost),
        "calibrated_instructions": _ratio(calibrated, network.rival_instructions),
    }
    return {f"{name}_{key}": value for key, value in found.items()}


def _calibration(made: Sequence[Record]) -> Numbers:
    theirs, ours = (number(made, "calibrated", "IC", key) for key in ("accuracy_int8_file", "accuracy_integer"))
    return {
        "IC_points_lost": None if theirs is None or ours is None else 100 * (theirs - ours),
        "AD_error_apart": number(made, "calibrated", "AD", "reconstruction_error_apart_largest"),
        "KWS_error": number(made, "calibrated", "KWS", "error_mean"),
        "VWW_error": number(made, "calibrated", "VWW", "error_mean"),
    }


def _boards(made: Sequence[Record]) -> Numbers:
    told = (everywhere.CHECKED, everywhere.TOO_LARGE, everywhere.FAULT)
    pairs = [record for record in made if record.what in told]
    return {
        "pairs": float(len(pairs)) if pairs else None,
        "mismatches": _total(made, everywhere.CHECKED, "mismatches"),
        "faults": float(sum(record.what == everywhere.FAULT for record in pairs)) if pairs else None,
    }


def _digits(made: Sequence[Record]) -> Numbers:
    forests = [record for record in made if record.what == "forest"]
    accuracies = [record.numbers for record in made if record.what == "network accuracy"]
    lost = [summed(n.get("accuracy_float"), -float(n.get("accuracy_integer") or 0.0)) for n in accuracies]
    lost_mean = mean(lost)

    def worst(core: str, *keys: str) -> float | None:
        values = [
            summed(*(record.numbers.get(key) for key in keys))
            for record in made
            if record.what == "network cost" and record.settings.get("core") == core
        ]
        measured = [value for value in values if value is not None]
        return max(measured) if len(measured) == len(values) == len(classical.SEEDS) else None

    forest = forests[-1].numbers if forests else {}
    return {
        "forest_different": summed(forest.get("different_predictions"), forest.get("different_predictions_on_board")),
        "forest_flash": forest.get("flash_bytes"),
        "forest_instructions": forest.get("instructions_per_inference"),
        "network_points_lost": None if lost_mean is None else 100 * lost_mean,
        "network_flash": worst("m4", "flash_bytes"),
        "network_m4": worst("m4", "instructions_per_inference"),
        "network_m0": worst("m0", "instructions_per_inference"),
        "network_uno_ram": worst("uno", "ram_bytes", "buffer_bytes", "stack_bytes"),
    }


def _suites(made: Sequence[Record]) -> Numbers:
    bad = [_total(made, "fuzz", key) for key in fuzzing.BAD]
    return {
        "random_graphs": _total(made, "random graphs", "graphs"),
        "random_failed": _total(made, "random graphs", "chunks_failed"),
        "mutants": _total(made, "fuzz", "mutants"),
        "mutants_compared": _total(made, "fuzz", "graphs_compared"),
        "mutants_bad": summed(*bad),
    }
