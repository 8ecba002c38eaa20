"""What the compiler gives out: C sources and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgewright.ir.types import Type


@dataclass(frozen=True)
class Layer:
    """What one node of a model became in the C.

    node: its output. calls: how many calls of kernels NAME_run holds for it. repeated: how many of them are inside a loop.
    constants: those that the node reads, as in `Entry.constant_bytes`; several nodes may share one. conditional: how many calls are
    inside a branch and no loop, so that they run once or not at all.
    """

    node: str
    calls: int
    repeated: int
    constants: tuple[str, ...]
    conditional: int = 0


@dataclass(frozen=True)
class Step:
    """How a model takes samples one at a time.

    state_bytes: size of NAME_state. first: samples after which the first answer is there at the latest. every: samples from one answer to
    the next.
    """

    state_bytes: int
    first: int
    every: int


@dataclass(frozen=True)
class Entry:
    """One model inside a program.

    name: prefix of all its symbols; the C function is `void NAME_run(const T *input, ..., U *output, ...)`, inputs first, then
    outputs, in this order; where it takes samples one at a time, `void NAME_reset(NAME_state *)` and `int NAME_step(NAME_state *,
    const T *input, U *output)`, which returns 1 where there is an answer. inputs, outputs: their types. arena_bytes: static working
    memory. constant_bytes: by constant, as the C holds them. labels: class names, if it classifies (then NAME_predict exists).
    golden_vectors: how many the self-test holds, 0 where there is no function NAME_selftest. tables: the constants that are tables
    of functions. layers: the nodes in the order of their calls. step: None where the model runs on all of its input at once.
    """

    name: str
    inputs: tuple[Type, ...]
    outputs: tuple[Type, ...]
    arena_bytes: int
    constant_bytes: Mapping[str, int]
    labels: tuple[str, ...]
    graph_hash: str
    golden_vectors: int = 0
    tables: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    step: Step | None = None

    @property
    def function(self) -> str:
        """The name of the C function whose instructions are counted."""
        return f"{self.name}_{'step' if self.step else 'run'}"


@dataclass(frozen=True)
class Program:
    """C sources that hold one model or several, which share their kernels.

    name: of the files NAME.c, NAME.h, NAME_selftest.c. files: file name -> text.
    """

    name: str
    files: Mapping[str, str]
    entries: tuple[Entry, ...]
