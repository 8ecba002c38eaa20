"""Difference of two values, entry by entry."""

from edgewright.ops.add import pair_sum

ENTRY = pair_sum("y = a - b, entry by entry; one of them may be a single entry.", "subtract", -1)
