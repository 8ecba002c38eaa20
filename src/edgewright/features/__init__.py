"""Featurisers: what stands between raw samples and a learner, one file each; the same integers in training and on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from edgewright import catalog
from edgewright.compiler.quantise import quantise
from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.ir.graph import Graph
from edgewright.ir.types import INTEGER_RANGES, Array, Type, dequantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer

AT_ONCE = 2**20  # samples

Floats = npt.NDArray[np.float32]


@runtime_checkable
class Featuriser(Protocol):
    """What every featuriser is: a frozen dataclass whose fields are its settings. The value `ENTRY` of its file is the class."""

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return (steps, features) for recordings of the shape `raw`. Raises BadData where they are too short or of another kind."""
        ...

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes that make features of a value [*raw] and return the name of the features [steps, features]."""
        ...

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Look at int16 recordings [n, *raw] of `hertz` samples a second, None where unknown. Raises BadData; may warn."""
        ...


def get(name: str) -> type[Featuriser]:
    """Return the class of a featuriser by name. Raises UnknownName."""
    return cast(type[Featuriser], catalog.get("edgewright.features", name))


def names() -> tuple[str, ...]:
    """Return the names of all featurisers."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.features"))


def describe(featuriser: Featuriser) -> dict[str, Any]:
    """Return a featuriser of the catalogue as plain data: its name, and its settings. Raises BadInput for any other."""
    for name in names():
        if type(featuriser) is get(name):
            values = {field.name: getattr(featuriser, field.name) for field in fields(cast(Any, featuriser))}
            return {"name": name} | {key: _as_plain(value) for key, value in values.items()}
    raise BadInput(
        f"The featuriser {type(featuriser).__name__} is none of edgewright.features ({', '.join(names())}) and cannot be saved."
    )


def from_description(described: object) -> Featuriser:
    """Return the featuriser of a name, or of plain data {"name": ..., setting: value}. Raises BadInput, UnknownName."""
    given = {"name": described} if isinstance(described, str) else described
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise BadInput(
            f"{described!r} describes no featuriser; give a name ({', '.join(names())}), or its name with settings, such as "
            '{"name": "log-mel", "hop": 160}.'
        )
    kind = get(given["name"])
    settings = {key: value for key, value in given.items() if key != "name"}
    allowed = {field.name for field in fields(cast(Any, kind))}
    for key in settings:
        if key not in allowed:
            raise UnknownName(f"setting of {given['name']}", key, allowed)
    try:
        made: Featuriser = cast(Any, kind)(**{key: _as_setting(value) for key, value in settings.items()})
    except (TypeError, ValueError) as error:
        raise BadInput(f"The featuriser {given['name']} cannot be made with these settings: {error}") from error
    return made


def _as_plain(value: Any) -> Any:
    if isinstance(value, Featuriser):
        return describe(value)
    return list(value) if isinstance(value, tuple) else value


def _as_setting(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_description(value)
    return tuple(value) if isinstance(value, list) else value


def transform(featuriser: Featuriser, X: npt.ArrayLike, hertz: float | None = None) -> Floats:
    """Return the features of recordings, float32 [n, steps, features]: the integers that the device computes, times their scale.

    X: raw samples [n, *raw], integers of 16 bits. hertz: samples a second, where it is known. Raises BadData where X holds anything else,
    is too short, or was recorded at another rate than the featuriser is for; warns (PoorRecordings) of silent and clipped rows.
    """
    samples = as_samples(X)
    featuriser.shape(samples.shape[1:])
    featuriser.check(samples, hertz)
    graph = integer_graph(featuriser, samples.shape[1:])  # type: ignore[arg-type]  # a frozen dataclass
    rows = max(1, AT_ONCE // max(1, samples[0].size))
    parts = [run_integer(graph, samples[start : start + rows]) for start in range(0, len(samples), rows)]
    return dequantise_array(np.concatenate(parts), graph.output_type).astype(np.float32)


def as_samples(X: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """Return recordings [n, ...] as int16. Raises BadData where they are not integers of 16 bits."""
    given = np.asarray(X)
    low, high = INTEGER_RANGES["int16"]
    if given.ndim < 2 or not given.size:
        raise BadData(f"X is {given.shape}; it holds recordings [n, samples] or [n, samples, channels], one at least.")
    if given.dtype.kind not in "iuf":
        raise BadData(f"X holds {given.dtype}; raw samples are integers in {low}..{high}.")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        rows = np.flatnonzero(~np.isfinite(given).reshape(len(given), -1).all(axis=1))
        raise BadData(f"{len(rows):,} of {len(given):,} rows hold NaN or infinity, the first is row {rows[0]}.")
    if given.dtype.kind == "f" and not np.array_equal(given, np.round(given)):
        raise BadData(
            f"X holds {given.dtype} in {given.min():g}..{given.max():g} with fractions; raw samples are integers in {low}..{high}. "
            "Where a reader of sound files divided them by 32768, multiply by it and round."
        )
    if given.min() < low or given.max() > high:
        raise BadData(f"X reaches from {given.min():g} to {given.max():g}; raw samples are integers in {low}..{high}.")
    return given.astype(np.int16)


@lru_cache(maxsize=32)
def integer_graph(featuriser: Featuriser, raw: tuple[int, ...]) -> Graph:
    """Return the integers of a featuriser for recordings of one shape. Its operators choose them whatever the data are."""
    builder = Builder("features")
    x = builder.input("samples", Type(raw))
    graph = builder.finish(featuriser.add_to(builder, x))
    noise = np.random.default_rng(0).integers(-1000, 1000, (2, *raw)).astype(np.float32)
    return quantise(graph, noise)
