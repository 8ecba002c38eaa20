"""Logistic sigmoid."""

from __future__ import annotations

from scipy.special import expit

from edgewright.ops.tables import table_operator

ENTRY = table_operator("y = 1 / (1 + exp(-x)).", expit)
