"""What any model in must reach."""

from __future__ import annotations

from benchmarks.any_model import everywhere, sources
from benchmarks.rivals import networks
from edgewright import boards
from edgewright.bench import Bar

MILESTONE = "milestone 2"
RIVAL = "LiteRT Micro with CMSIS-NN"


def all_bars() -> tuple[Bar, ...]:
    """Return all bars, those that must hold and those that are aims."""
    found = [
        *_least("ONNX node cases that the NumPy backend passes", "nodes_passed", 1_000, 1_150, "onnx"),
        *_most("ONNX node cases that fail without a reason listed", "nodes_unexplained", 0, None, "onnx"),
        *_least(f"convolution {networks.SMALL}: times faster than beaverpy", "times_beaverpy", 300, 500, "beaverpy"),
        *_least(f"convolution {networks.SMALL}: times faster than onnx.reference", "times_reference", 4, 10, "onnx"),
        *_most("large layers: our time to PyTorch's on one thread, the worst", "large_to_torch", None, 2, "torch"),
    ]
    for name, network in sources.NETWORKS.items():
        found += [
            *_most(f"{name}: entries of dense and convolution layers unlike LiteRT's", f"{name}_products_different", 0),
            *_most(f"{name}: largest step from LiteRT in other layers", f"{name}_others_step", 1, 0),
            *_most(f"{name}: entries unlike LiteRT's anywhere, output included", f"{name}_entries_different", None, 0),
        ]
        if network.classifies:
            found += _most(f"{name}: answers unlike LiteRT's", f"{name}_answers_different", 0)
        found += [
            *_most(f"{name} on M4: our instructions to the rival's", f"{name}_instructions", 1, 0.6, RIVAL),
            *_most(f"{name}: our RAM with input and output to the rival's arena", f"{name}_ram", 1, 0.8, RIVAL),
            *_most(f"{name}: code with helpers, bytes", f"{name}_code", 20_000, 10_000, RIVAL),
            *_most(
                f"{name} calibrated by us, on M4: our instructions to the rival's",
                f"{name}_calibrated_instructions",
                None,
                0.5,
                RIVAL,
            ),
        ]
    return (
        *found,
        *_most("IC calibrated by us: points below the int8 file, 2,000 images", "IC_points_lost", 1),
        *_most("AD calibrated by us: reconstruction error apart from float, largest share", "AD_error_apart", 0.02),
        *_most("models and boards: vectors on which twin, host and board differ", "mismatches", 0),
        *_most("models and boards: faults", "faults", 0),
        Bar("models and boards checked or too small", "pairs", "at least", _pairs(), MILESTONE),
        *_digits(),
        *_least("random graphs without a mismatch", "random_graphs", 20_000, 100_000),
        *_most("random graphs: programs with a mismatch", "random_failed", 0),
        *_least("damaged .onnx and .tflite files read", "mutants", 10_000),
        *_most("damaged files: crashes, hangs, gigabytes, wrong models, unclear errors", "mutants_bad", 0),
    )


def _pairs() -> float:
    return float(len(everywhere.MODELS) * (len(boards.names()) - 1))  # the host is checked with each board


def _digits() -> tuple[Bar, ...]:
    return (
        *_most("forest: predictions unlike scikit-learn's, twin and M4", "forest_different", 0),
        *_most("forest on M4: flash, bytes", "forest_flash", 10_500, 8_500, "emlearn"),
        *_most("forest on M4: instructions", "forest_instructions", 1_000, 600, "emlearn"),
        *_most("MLP 64-32-10: points below float, mean of the seeds", "network_points_lost", 0.5),
        *_most("MLP 64-32-10 on M4: flash, bytes, worst seed", "network_flash", 4_600, 3_600, "rivals in float"),
        *_most("MLP 64-32-10 on M4: instructions, worst seed", "network_m4", 7_000, 4_000, "rivals in float"),
        *_most("MLP 64-32-10 on M0: instructions, worst seed", "network_m0", 14_000, 9_000, "rivals in float"),
        *_most("MLP 64-32-10 on the Uno: RAM with input, output and stack, bytes, worst seed", "network_uno_ram", 300),
    )


def _most(measure: str, key: str, must: float | None, aim: float | None = None, source: str = MILESTONE) -> list[Bar]:
    kinds = [Bar(measure, key, "at most", must, source, "must")] if must is not None else []
    return kinds + ([Bar(measure, key, "at most", aim, source, "aim")] if aim is not None else [])


def _least(measure: str, key: str, must: float, aim: float | None = None, source: str = MILESTONE) -> list[Bar]:
    kinds = [Bar(measure, key, "at least", must, source, "must")]
    return kinds + ([Bar(measure, key, "at least", aim, source, "aim")] if aim is not None else [])
