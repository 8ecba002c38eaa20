"""What training tells while it runs."""

from __future__ import annotations

from typing import Any


class Progress:
    """A listener to training; this base does nothing. Override what is of interest."""

    def begin(self, epochs: int) -> None:
        """Called once, before the first batch, with the number of epochs to come."""

    def epoch(self, record: dict[str, Any]) -> None:
        """Called after every epoch with its entry of the history."""

    def end(self) -> None:
        """Called once, after the last epoch, also when training stops early or is interrupted."""
