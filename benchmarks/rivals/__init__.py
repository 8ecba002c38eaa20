"""Rivals side by side: the same models, data, compiler, flags and emulated boards.

`generators` holds those that give C for a board, `forward` those that compute a network on this computer; one file is one rival, and
ours are among them.
"""

from benchmarks.rivals.comparison import ENTRY

__all__ = ["ENTRY"]
