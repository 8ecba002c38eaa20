"""The table of all operators and what each asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from edgewright import catalog

Operator = Callable[..., Any]
PACKAGE = "edgewright.numpy_backend"


@cache
def operators() -> dict[str, Operator]:
    """Return every operator by its name, "domain:name" where the domain is not ONNX's own. Raises ValueError for one defined twice."""
    found: dict[str, Operator] = {}
    for family in catalog.names(PACKAGE):
        entry: dict[str, Operator] = catalog.get(PACKAGE, family)
        if twice := sorted(found.keys() & entry.keys()):
            raise ValueError(f"{family}.py defines operators that another family has already: {', '.join(twice)}.")
        found |= entry
    return found


@cache
def asks(operator: Operator) -> frozenset[str] | None:
    """Return the names of the parameters of an operator, or None where it takes any keyword."""
    parameters = inspect.signature(operator).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


def domain_of(domain: str) -> str:
    """Return the domain as we spell it: ONNX's own is the empty one."""
    return "" if domain == "ai.onnx" else domain


def full_name(domain: str, name: str, overload: str = "") -> str:
    """Return "domain:name:overload" without the parts that are empty."""
    parts = (domain_of(domain), name, overload)
    return ":".join(part for part in parts if part)
