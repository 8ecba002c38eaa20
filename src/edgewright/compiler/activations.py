"""Types of activations, by what they reached in calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgewright import ops
from edgewright.compiler.settings import Settings, convolves
from edgewright.errors import BadData, UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, Type, dequantise_array
from edgewright.ops import clip, relu
from edgewright.ops.quantisation import OUTPUT_LIMITS, activation_type, scale_covering
from edgewright.runtime.calibrate import Histogram, Observations, Observed

CUTTING = {"relu": relu.bounds, "clip": clip.bounds}  # what a saturating operator before them does for nothing
MOVING = ("reshape", "slice", "transpose", "windows")  # the same integers elsewhere
TAIL = 1e-4  # the share of entries that "percentile" leaves out at each end
SHRINKING = {
    "power-of-two": 0.5 ** np.arange(4),
    "any": np.linspace(1.0, 0.1, 91),
}  # ranges that are tried, of the whole


@dataclass(frozen=True)
class Chooser:
    """Chooses the type of each activation.

    widths: path of a value -> its dtype, where it is not the settings' one.
    """

    settings: Settings
    observations: Observations
    widths: Mapping[str, str] = field(default_factory=dict)

    def dtype(self, path: str) -> str:
        """Return the dtype of a value; "auto" begins with int8."""
        chosen = "int8" if self.settings.activation == "auto" else self.settings.activation
        return self.widths.get(path, chosen)

    def type_of(self, path: str, shape: tuple[int, ...]) -> Type:
        """Return the type of a value that was observed."""
        seen = self.observations[path]
        low, high = seen.extremes
        if self.settings.calibration == "percentile" and seen.histogram is not None:
            low, high = _without_tails(seen.histogram, low, high)
        if self.settings.calibration == "mean-squared-error" and seen.histogram is not None:
            return self._best(path, shape, seen.histogram, low, high)
        return self.covering(path, shape, low, high)

    def covering(self, path: str, shape: tuple[int, ...], low: float, high: float) -> Type:
        """Return the type of a value for given extremes."""
        return activation_type(shape, low, high, self.dtype(path), self.settings.scales, self.settings.zero_points)

    def _best(self, path: str, shape: tuple[int, ...], histogram: Histogram, low: float, high: float) -> Type:
        shrunk = SHRINKING[self.settings.scales]
        types = [self.covering(path, shape, low * factor, high * factor) for factor in shrunk]
        return min(types, key=lambda type: squared_error(histogram, type))


def prescribed_types(graph: Graph, chooser: Chooser, path: str, origins: Mapping[str, str]) -> dict[str, Type]:
    """Return the types that operators prescribe to values made by nodes, theirs and those that they read, whatever the settings say.

    origins: state -> the value that it is carried from. Raises UnsupportedModel where two operators prescribe different ones.
    """
    found: dict[str, Type] = {}
    made = {node.output for node in graph.nodes}
    for node in graph.nodes:
        for port in ops.get(node.op).samples:
            if (value := node.inputs[port]) in made:
                found[value] = samples_type(graph.types[value].shape)
        prescribes = ops.get(node.op).prescribes
        if prescribes is None:
            continue
        ports = {port: origins.get(value, value) for port, value in (*node.inputs.items(), ("y", node.output))}
        ports = {port: value for port, value in ports.items() if path + value in chooser.observations}
        largest = {port: max(map(abs, chooser.observations[path + value].extremes)) for port, value in ports.items()}
        largest |= {
            port: float(np.abs(graph.constants[node.inputs[port]]).max()) for port in ops.get(node.op).parameters
        }
        for port, (dtype, scale) in prescribes(largest, node.attributes).items():
            value = ports[port]
            limits = OUTPUT_LIMITS[dtype] if dtype == "int8" else None
            type = Type(graph.types[value].shape, dtype, scale, limits=limits)
            if value in made and found.setdefault(value, type) != type:
                raise UnsupportedModel(
                    f"{value!r} would have to be {found[value]} and {type}; put a rescale before one reader."
                )
    return found


def squared_error(histogram: Histogram, type: Type) -> float:
    """Return the sum of squared errors of the entries of a histogram in a type: what is cut off, and what is rounded."""
    low, high = dequantise_array(np.array(type.range), type)
    centres = histogram.centres
    cut = np.maximum(centres - high, 0) + np.maximum(low - centres, 0)
    return float((histogram.counts * (cut**2 + float(type.scales) ** 2 / 12)).sum())


def _without_tails(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """Return the extremes of a histogram without TAIL of all its entries at each end."""
    below = np.cumsum(histogram.counts)
    allowed = TAIL * (int(below[-1]) + histogram.zeros)
    first = int(np.searchsorted(below, allowed, side="right"))
    last = int(np.searchsorted(-(int(below[-1]) - below), -allowed, side="left")) if below[-1] else len(below) - 1
    if first > last:
        return low, high
    zero_seen = histogram.zeros > allowed
    left, right = float(histogram.edges[first]), float(histogram.edges[last + 1])
    return (max(low, min(left, 0.0) if zero_seen else left), min(high, max(right, 0.0) if zero_seen else right))


def input_type(graph: Graph, seen: Observed, settings: Settings, data: Array) -> Type:
    """Return the type of the input.

    1. Raw samples are int16 in steps of 1 whatever these data reach: a louder sound may come.
    2. Integers within the dtype stay what they are, at scale 1: raw readings need no conversion on the device. Where 256 integers
       hold them, as the bytes of an image, int8 takes them with a zero point if the model convolves or has zero points anyway.
    3. Where every reader takes a scale a feature, each feature has its own; else one scale covers all.
    Raises BadData where raw samples are no integers of 16 bits.
    """
    shape = graph.input_type.shape
    if reads_samples(graph, graph.inputs[0]):
        (lowest, highest), reached = INTEGER_RANGES["int16"], seen.extremes
        if not np.array_equal(data, np.round(data)) or reached[0] < lowest or reached[1] > highest:
            raise BadData(
                f"{graph.name!r} reads raw samples, integers in {lowest}..{highest}; these reach from {reached[0]:g} to "
                f"{reached[1]:g}. Give the samples as they are recorded, not divided by the largest."
            )
        return samples_type(shape)
    largest = np.maximum(np.abs(seen.low), np.abs(seen.high))
    whole = activation_type(shape, 0.0, float(largest.max()), settings.input)
    if np.array_equal(data, np.round(data)):
        if float(largest.max()) <= whole.range[1]:
            return replace(whole, scale=1.0)
        low, high = seen.extremes
        lowest, highest = INTEGER_RANGES["int8"]
        takes_bytes = settings.input == "int8" and (settings.zero_points or convolves(graph))
        if takes_bytes and max(high, 0) - min(low, 0) <= highest - lowest:
            return Type(shape, "int8", 1.0, lowest - int(min(low, 0)))
    if takes_scale_a_feature(graph, graph.inputs[0]):
        scales = tuple(scale_covering(float(value), whole.range[1]) for value in np.atleast_1d(largest))
        return replace(whole, scale=scales, axis=len(shape) - 1)
    return activation_type(shape, *seen.extremes, settings.input, settings.scales, settings.zero_points)


def samples_type(shape: tuple[int, ...]) -> Type:
    """Return the type of raw samples."""
    return Type(shape, "int16", 1.0)


def reads_samples(graph: Graph, value: str) -> bool:
    """Whether a value, cut and moved or not, is what an operator takes as raw samples, within the bodies of nodes too."""
    for node in graph.readers(value):
        if value in (node.inputs[port] for port in ops.get(node.op).samples):
            return True
        if node.op in MOVING and reads_samples(graph, node.output):
            return True
        if node.body and node.inputs["x"] == value and reads_samples(node.body, node.body.inputs[0]):
            return True
    return False


def takes_scale_a_feature(graph: Graph, value: str) -> bool:
    """Whether every reader of a value, within the bodies of scans too, takes one scale an entry of its last axis."""
    readers = graph.readers(value)
    if not readers or value in graph.outputs or value in graph.state.values():
        return False
    return all(_takes_scale_a_feature(graph, node, value) for node in readers)


def _takes_scale_a_feature(graph: Graph, reader: Node, value: str) -> bool:
    if reader.op == "windows":  # the windows of a sequence of single numbers have no features
        return len(graph.types[value].shape) > 1 and takes_scale_a_feature(graph, reader.output)
    if reader.body:
        only_x = [port for port, read in reader.inputs.items() if read == value] == ["x"]
        return only_x and takes_scale_a_feature(reader.body, reader.body.inputs[0])
    return ops.get(reader.op).scale_a_feature
