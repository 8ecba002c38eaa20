"""What the spine must reach."""

from __future__ import annotations

from edgewright.bench import Bar

MILESTONE = "milestone 1"


def all_bars() -> tuple[Bar, ...]:
    """Return all bars."""
    return (
        *_learner("bonsai", 0.94),
        *_learner("protonn", 0.96),
        *_learner("fastgrnn", 0.95),
        Bar(
            "vectors on which twin, host and board differ, all models and boards", "mismatches", "at most", 0, MILESTONE
        ),
        Bar("models and boards verified", "pairs", "at least", 17, MILESTONE),
        Bar("models and boards that could not be verified", "unverified", "at most", 0, MILESTONE),
        Bar(
            "anomaly detector: outputs that differ from LiteRT's reference kernels", "detector", "at most", 0, MILESTONE
        ),
        Bar("forest: predictions that differ from scikit-learn's", "forest", "at most", 0, MILESTONE),
        Bar("check_estimator: checks passed, the fewer of both", "checks", "at least", 40, MILESTONE),
        Bar("check_estimator: checks failed", "checks_failed", "at most", 0, MILESTONE),
        Bar(
            "generated code: symbols, floating point and instructions that may not be there",
            "broken_promises",
            "at most",
            0,
            MILESTONE,
        ),
        Bar(
            "four models in one firmware, under UBSan and ASan: outputs that differ",
            "differences_under_sanitizers",
            "at most",
            0,
            MILESTONE,
        ),
        Bar("files that differ between two builds", "files_that_differ_between_builds", "at most", 0, MILESTONE),
        Bar("QEMU: vectors whose outputs differ from unicorn's", "second_opinion_outputs", "at most", 0, MILESTONE),
        Bar(
            "QEMU: spread of the instructions apart from unicorn's count",
            "second_opinion_spread",
            "at most",
            1,
            MILESTONE,
        ),
        Bar("kernel mutants caught", "mutants", "at least", 10, MILESTONE),
        Bar("kernel mutants missed", "mutants_missed", "at most", 0, MILESTONE),
        Bar("import edgewright, seconds", "import_seconds", "at most", 0.3, MILESTONE),
        Bar("torch or scikit-learn imported by the deployment wing", "heavy", "at most", 0, MILESTONE),
        Bar("edgewright build on digits with Bonsai, seconds", "build_seconds", "at most", 60, MILESTONE, "aim"),
    )


def _learner(name: str, least: float) -> tuple[Bar, ...]:
    return (
        Bar(
            f"{name} on digits, accuracy_integer, mean of seeds 0, 1, 2",
            f"{name}_accuracy",
            "at least",
            least,
            MILESTONE,
        ),
        Bar(f"{name}, bytes of weights, largest of the seeds", f"{name}_bytes", "at most", 4096, MILESTONE),
        Bar(f"{name}, float less integer accuracy, mean", f"{name}_loss", "at most", 0.005, MILESTONE),
    )
