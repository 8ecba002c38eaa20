"""What the records say, as numbers for bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.spine import models
from edgewright.bench import mean
from edgewright.records import Record


def summarise(made: Sequence[Record]) -> dict[str, float | None]:
    def numbers(what: str, key: str, model: str | None = None) -> list[Any]:
        return [r.numbers.get(key) for r in made if r.what == what and model in (None, r.model)]

    def total(what: str, key: str) -> float | None:
        found = numbers(what, key)
        return None if not found or None in found else float(sum(found))

    reached: dict[str, float | None] = {}
    for name in models.LEARNERS:
        reached[f"{name}_accuracy"] = mean(numbers("accuracy", "accuracy_integer", name))
        reached[f"{name}_bytes"] = max(numbers("accuracy", "weight_bytes", name), default=None)
        losses = [
            f - i
            for f, i in zip(
                numbers("accuracy", "accuracy_float", name), numbers("accuracy", "accuracy_integer", name), strict=True
            )
        ]
        reached[f"{name}_loss"] = mean(losses)
    reached["pairs"] = float(sum(r.what == "deploy" and r.numbers.get("verified") == 1 for r in made))
    reached["unverified"] = float(sum(r.what == "deploy" and r.numbers.get("verified") != 1 for r in made))
    reached["mismatches"] = total("deploy", "mismatches")
    reached["detector"] = max(
        (d for key in ("differences_twin", "differences_c") for d in numbers("reference", key)), default=None
    )
    reached["forest"] = total("forest", "different_predictions")
    reached["checks"] = min(numbers("check_estimator", "passed"), default=None)
    reached["checks_failed"] = total("check_estimator", "failed")
    for key in ("broken_promises", "differences_under_sanitizers", "files_that_differ_between_builds"):
        reached[key] = total("generated code", key)
    reached["second_opinion_outputs"] = total("second opinion", "different_outputs")
    reached["second_opinion_spread"] = max(numbers("second opinion", "instructions_apart_spread"), default=None)
    reached["mutants"] = total("mutants", "caught")
    reached["mutants_missed"] = total("mutants", "missed")
    reached["import_seconds"] = mean(numbers("import", "import_seconds"))
    reached["heavy"] = total("import", "heavy_packages_imported")
    reached["build_seconds"] = mean(numbers("build", "build_seconds"))
    return reached
