"""Forward passes on this computer: one file each, ours among them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import onnx

from benchmarks.rivals import environment
from edgewright import catalog
from edgewright.ir.types import Array

Run = Callable[[Array], Array]


@dataclass(frozen=True)
class Forward:
    """A forward pass. package: how it is imported; rival: of the rivals' environment. single: takes one convolution and no network.

    prepare(model): the function from input to output of an ONNX model with one of each, made once and timed apart.
    """

    doc: str
    package: str
    prepare: Callable[[onnx.ModelProto], Run] = field(repr=False)
    rival: bool = False
    single: bool = False

    def why_not(self) -> str | None:
        """Return why it cannot run here, with the fix, or None."""
        if self.rival:
            return environment.why_not(self.package)
        if importlib.util.find_spec(self.package) is None:
            return f"the package {self.package} is not installed"
        return None


def names() -> tuple[str, ...]:
    """Return the names of all forward passes, ours first."""
    return tuple(sorted(catalog.names(__name__), key=lambda name: (name != "edgewright", name)))


def get(name: str) -> Forward:
    """Return a forward pass. Raises UnknownName."""
    return cast(Forward, catalog.get(__name__, name))
