"""The choices of quantisation that hold for a whole model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from edgewright.errors import BadInput, UnknownName
from edgewright.ir.graph import Graph

CONVOLUTIONS = ("conv2d", "depthwise_conv2d")
CHOICES: dict[str, tuple[str, ...]] = {
    "activation": ("int8", "int16", "auto"),
    "input": ("int8", "int16"),
    "scales": ("power-of-two", "any"),
    "calibration": ("min-max", "percentile", "mean-squared-error"),
}
EACH: dict[str, tuple[str, ...]] = {"widths": ("int8", "int16"), "storage": ("dense", "sparse")}


@dataclass(frozen=True)
class Settings:
    """How a float model becomes integers; weights are always int8, symmetric, with one scale a row or filter.

    activation: dtype of activations; "auto" is int8, and int16 where that helps the output most, within `wide_share`.
    wide_share: of all entries of activations, the largest share that "auto" makes int16, 0 to 1.
    input: dtype of the graph's input; integer readings that fit keep their own integers.
    scales: "power-of-two", so that requantising is a shift, or "any", where it takes a multiplier.
    zero_points: whether int8 activations take all of -128..127 for what they reached; otherwise they are symmetric, -127..127.
    calibration: an activation's range is what it reached ("min-max"), all but one in ten thousand entries at each end
    ("percentile"), or what makes the squared error smallest ("mean-squared-error").
    bias_correction: whether biases make up for the mean error of each channel (Nagel et al., ICCV 2019).
    equalise: whether channels between two layers are scaled to alike ranges (Nagel et al., ICCV 2019).
    widths: activation -> its dtype where it is not `activation`; one in the body of a scan is "scan/value".
    storage: matrix of a dense layer -> "dense" or "sparse" where it is not the default, sparse where that saves a quarter of the
    bytes; named alike.
    Raises BadInput for anything else.
    """

    activation: str = "int16"
    input: str = "int16"
    scales: str = "power-of-two"
    zero_points: bool = False
    calibration: str = "min-max"
    bias_correction: bool = False
    equalise: bool = False
    wide_share: float = 0.1
    widths: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            given = getattr(self, name)
            if given not in allowed:
                raise BadInput(f"The setting {name} cannot be {given!r}; choose {' or '.join(allowed)}.")
        for name in ("zero_points", "bias_correction", "equalise"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"The setting {name} cannot be {getattr(self, name)!r}; choose true or false.")
        for name, allowed in EACH.items():
            given = getattr(self, name)
            if not isinstance(given, Mapping) or not {*given.values()} <= {*allowed}:
                raise BadInput(
                    f'The setting {name} cannot be {given!r}; give names with {" or ".join(allowed)}, as {{"z": "{allowed[0]}"}}.'
                )
        share = self.wide_share
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise BadInput(f"The setting wide_share cannot be {share!r}; choose a number from 0 to 1.")


TABLES_AND_SEQUENCES = Settings()
# Chosen on training images and seeded rows (`edgewright bench quantisation-defaults`): with powers of two, all of these together are the
# best on each of four networks, 3 to 13 dB above none. Zero points cost next to no instructions (-3 to +2 % on
# an M4). Scales that are no powers of two are 3 to 6 dB better on three networks and 1 dB worse on one, with as many answers like float's
# within what 1,000 images can tell, but take tables of multipliers (2 to 8 % of the flash) and an eighth more instructions on cores
# without a long multiplication.
IMAGES = Settings(
    activation="int8",
    input="int8",
    zero_points=True,
    calibration="mean-squared-error",
    bias_correction=True,
    equalise=True,
)
DEEP = replace(IMAGES, scales="any", equalise=False)  # a multiplier a row is little beside the row's products
FEWEST_DEEP = 3  # hidden layers


def default_settings(graph: Graph) -> Settings:
    """Return the settings for a model where none are given.

    IMAGES where it convolves, DEEP where three or more of its dense layers are cut by a relu or clip, else TABLES_AND_SEQUENCES.
    """
    if convolves(graph):
        return IMAGES
    hidden = [
        node
        for node in graph.nodes
        if node.op == "dense" and any(reader.op in ("relu", "clip") for reader in graph.readers(node.output))
    ]
    return DEEP if len(hidden) >= FEWEST_DEEP else TABLES_AND_SEQUENCES


def convolves(graph: Graph) -> bool:
    """Whether a graph, or a body in it, has convolutions."""
    return any(node.op in CONVOLUTIONS or (node.body and convolves(node.body)) for node in graph.nodes)


def make_settings(given: dict[str, Any], graph: Graph) -> Settings | None:
    """Return the default settings of a model with some changed by name, None where none are. Raises UnknownName, BadInput."""
    names = [field.name for field in fields(Settings)]
    for name in given:
        if name not in names:
            raise UnknownName("setting of quantisation", name, names)
    if not given:
        return None
    default = default_settings(graph)
    return Settings(**{name: given.get(name, getattr(default, name)) for name in names})
