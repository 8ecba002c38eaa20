"""What "deploy" records say: which case is which, what follows from their numbers, and why a number is missing."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewright.errors import BadData, BadInput
from edgewright.records import Record

# What tells two records of one model on one board apart, in the order in which it is tried.
_APART = ("data", "split", "seed", "graph_hash")


@dataclass(frozen=True)
class Block:
    """A value's place in the arena of its dtype: bytes offset .. offset + size, from step `first` to step `last`."""

    value: str
    dtype: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Case:
    """One model on one board; each case is only equal to itself.

    model: the model's name, made longer where several records share a board. record: what was measured.
    """

    model: str
    record: Record

    @property
    def board(self) -> str:
        """The board's name."""
        return plain(self.record.board or "no board named")

    @property
    def name(self) -> str:
        """Model and board in words."""
        return f"{self.model} on {self.board}"

    def number(self, key: str) -> float | int | None:
        """Return a number of the record, None where it is not known."""
        value = self.record.numbers.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return value

    def counts(self, table: str) -> dict[str, float | int]:
        """Return a table of the record that holds name -> count, empty where there is none. Raises BadData."""
        found = self.record.tables.get(table) or {}
        for name, value in found.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise BadData(
                    f"The record of {self.name} is damaged: {table}[{name!r}] is {value!r}, not a count of 0 or more."
                )
        return {plain(name): value for name, value in found.items()}

    @property
    def reasons(self) -> dict[str, str]:
        """Why something is missing, by what is: an engine, a number, or "fit" for a model that is too large."""
        return {name: plain(str(reason)) for name, reason in (self.record.tables.get("reasons") or {}).items()}

    @property
    def accuracy(self) -> float | int | None:
        """The accuracy of the integers: on the board where all rows were run there, else of the twin."""
        on_board = self.number("accuracy_board")
        return self.number("accuracy_integer") if on_board is None or self.part_of_rows else on_board

    @property
    def part_of_rows(self) -> str:
        """How many of the rows the board ran, in words; empty where it ran all of them, or where the record does not say."""
        rows, ran = self.number("rows"), self.number("rows_on_board")
        return "" if rows is None or ran is None or ran == rows else f"{whole(ran)} of {whole(rows)} rows"

    @property
    def code_bytes(self) -> float | int | None:
        """The model's code: flash without constants and helpers; None where it is not known."""
        flash, constants = self.number("flash_bytes"), self.number("constant_bytes")
        if flash is None or constants is None:
            return None
        code = flash - constants - sum(self.counts("helper_bytes").values())
        return code if code >= 0 else None

    @property
    def flash_needed(self) -> float | int | None:
        """Bytes of flash, at least: the whole where it is known, else the constants alone."""
        whole = self.number("flash_bytes")
        return self.number("constant_bytes") if whole is None else whole

    @property
    def ram_needed(self) -> float | int | None:
        """Bytes of RAM, at least: static data (the arena where no image was built) and the stack where it was measured."""
        static = self.number("ram_bytes")
        static = self.number("arena_bytes") if static is None else static
        return None if static is None else static + (self.number("stack_bytes") or 0)

    @property
    def fits(self) -> bool | None:
        """Whether the board holds the model; None where that is not known. A "fit" among the reasons says no."""
        shares = [
            share(self.flash_needed, self.number("board_flash_bytes")),
            share(self.ram_needed, self.number("board_ram_bytes")),
        ]
        if "fit" in self.reasons or any(part is not None and part > 1 for part in shares):
            return False
        whole = all(self.number(key) is not None for key in ("flash_bytes", "ram_bytes"))
        return True if whole and None not in shares else None

    @property
    def state(self) -> str:
        """One of "does not fit", "differs", "verified", "not verified", "sizes only"."""
        if self.fits is False:
            return "does not fit"
        if self.number("mismatches") or self.number("verified") == 0:
            return "differs"
        if self.number("verified") == 1:
            return "verified"
        return "not verified" if self.number("vectors") is not None or self.reasons else "sizes only"

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The memory map, in bytes. Raises BadData."""
        blocks = []
        for value, row in (self.record.tables.get("memory") or {}).items():
            try:
                size_of_entry = np.dtype(row["dtype"]).itemsize
                offset, size, first, last = (int(row[key]) for key in ("offset", "size", "first", "last"))
            except (KeyError, TypeError, ValueError) as error:
                raise BadData(
                    f"The record of {self.name} is damaged: its memory map says {row!r} of {value!r}; it must give dtype, "
                    "offset, size, first and last."
                ) from error
            blocks.append(
                Block(plain(value), str(row["dtype"]), offset * size_of_entry, size * size_of_entry, first, last)
            )
        return tuple(blocks)

    @property
    def values(self) -> Mapping[str, Mapping[str, Any]]:
        """How well the integers follow the real numbers, by value; empty where that was not measured."""
        found = self.record.tables.get("values") or {}
        return {plain(name): row for name, row in found.items() if isinstance(row, Mapping)}

    @property
    def layers(self) -> Mapping[str, Mapping[str, Any]]:
        """Operator, shape of the output and bytes of constants of each layer, in the order in which they run. Raises BadData."""
        found = self.record.tables.get("layers") or {}
        for name, row in found.items():
            try:
                sound = row["operator"] and row["constant_bytes"] >= 0 and all(size >= 0 for size in row["shape"])
            except (KeyError, TypeError) as error:
                raise BadData(f"The record of {self.name} is damaged: its layer {name!r} is {row!r}.") from error
            if not sound:
                raise BadData(f"The record of {self.name} is damaged: its layer {name!r} is {row!r}.")
        return {plain(name): row for name, row in found.items()}

    @property
    def certificate(self) -> str:
        """How good the plan of the memory is known to be; empty where the record does not say."""
        return plain(str((self.record.tables.get("arena") or {}).get("certificate", "")))

    @property
    def why_too_large(self) -> str | None:
        """Why the board cannot hold the model, with the bytes over; None where that is not known."""
        if self.fits is not False:
            return None
        pairs = (
            ("flash", self.flash_needed, self.number("board_flash_bytes")),
            ("RAM", self.ram_needed, self.number("board_ram_bytes")),
        )
        over = [
            f"{whole(needed - there)} bytes of {name}"
            for name, needed, there in pairs
            if needed and there and needed > there
        ]
        return self.reasons.get("fit") or f"The model needs {' and '.join(over)} more than the board has."

    def why_missing(self, key: str) -> str:
        """Return in words why a number is not known."""
        reasons, engine = self.reasons, self.record.engine or "no engine"
        if key in reasons:
            return reasons[key]
        if self.fits is False:
            return "The model does not fit the board."
        if key in ("cycles_per_inference", "milliseconds"):
            if self.number("cycles_per_inference") is not None:
                return "The board's clock is not known."
            if self.number("instructions_per_inference") is not None:
                if key == "cycles_per_inference":
                    return f"The engine {engine} counts instructions, not cycles."
                return "There is no table of cycles for the core."
        if key.startswith("accuracy") and self.number("rows") is not None:
            if self.number("accuracy_integer") is None:
                return "There are no classes to compare with."
            if key == "accuracy_float":
                return "The model came as integers; there is no float model to compare with."
        if engine in reasons:
            return reasons[engine]
        if self.number("rows") is None and key not in ("flash_bytes", "ram_bytes"):
            return "No rows were run; only sizes are known."
        return f"The engine {engine} does not measure it."


def share(part: float | int | None, whole: float | int | None) -> float | None:
    """Return part / whole, None where one of them is not known."""
    return None if part is None or not whole else part / whole


def cases(records: Sequence[Record]) -> tuple[Case, ...]:
    """Return the "deploy" records as cases, sorted by model and board as they first appear. Raises BadInput if there is none."""
    deployed = [record for record in records if record.what == "deploy"]
    if not deployed:
        kinds = ", ".join(sorted({record.what for record in records})) or "nothing"
        raise BadInput(
            f'A report needs records of the kind "deploy"; there are {len(records)} records, of {kinds}. '
            "Firmware.report makes such a record."
        )
    found = [Case(name, record) for name, record in zip(_labels(deployed), deployed, strict=True)]
    models, boards = in_order(case.model for case in found), in_order(case.board for case in found)
    return tuple(sorted(found, key=lambda case: (models.index(case.model), boards.index(case.board))))


def _labels(records: Sequence[Record]) -> list[str]:
    """Name each record's model so that model and board together are unique."""
    labels = [plain(record.model) for record in records]
    for attribute in _APART:
        shared = _shared(labels, records)
        telling = {
            label
            for label in shared
            if len({getattr(record, attribute) for name, record in zip(labels, records, strict=True) if name == label})
            > 1
        }
        labels = [
            f"{label}, {attribute.replace('graph_hash', 'graph')} {getattr(record, attribute)}"
            if label in telling
            else label
            for label, record in zip(labels, records, strict=True)
        ]
    shared, seen = _shared(labels, records), Counter[tuple[str, str | None]]()
    unique = []
    for label, record in zip(labels, records, strict=True):
        seen[label, record.board] += 1
        unique.append(f"{label}, run {seen[label, record.board]}" if label in shared else label)
    return unique


def _shared(labels: Sequence[str], records: Sequence[Record]) -> set[str]:
    pairs = Counter((label, record.board) for label, record in zip(labels, records, strict=True))
    return {label for (label, _), count in pairs.items() if count > 1}


def in_order(items: Iterable[str]) -> list[str]:
    """Return the different items in the order in which they first appear."""
    return list(dict.fromkeys(items))


def plain(text: str) -> str:
    """Return a text without control characters, which neither a terminal nor a page should obey."""
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def whole(value: float | int) -> str:
    """Return a count with thousands separated: 12,345, or 12,345.6 where it is a mean."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(value: float, digits: int = 1) -> str:
    """Return a share as per cent; what would round to nothing is said to be below."""
    least = 10.0**-digits
    return f"< {least:.{digits}f} %" if 0 < value * 100 < least else f"{value * 100:,.{digits}f} %"


def size(value: float | int) -> str:
    """Return bytes in the unit that reads best; a KB is 1,024 bytes."""
    for unit, scale in (("MB", 1 << 20), ("KB", 1 << 10)):
        if value >= scale:
            return f"{value / scale:.1f}".removesuffix(".0") + f" {unit}"
    return f"{value:,.0f} B"
