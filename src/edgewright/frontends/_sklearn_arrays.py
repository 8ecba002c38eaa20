"""What every scikit-learn model is asked before its arrays are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel

Floats = npt.NDArray[np.float64]


def kind_of(model: object) -> str:
    """Return the name of a model's class where it is scikit-learn's own, else "": a subclass may predict otherwise."""
    return type(model).__name__ if type(model).__module__.partition(".")[0] == "sklearn" else ""


def check_fitted(model: object, attribute: str) -> None:
    """Raise UnsupportedModel where a model lacks what its `fit` leaves."""
    if not hasattr(model, attribute):
        raise UnsupportedModel(f"This {type(model).__name__} is not fitted; call fit first.")


def finite(model: object, what: str, values: Any, shape: tuple[int, ...]) -> Floats:
    """Return an array of a model as float64 of a shape. Raises BadModelFile where it is something else.

    A lone number stands for all entries, axes of length 1 may be missing, and sparse matrices become dense ones.
    """
    try:
        array = np.asarray(values.toarray() if hasattr(values, "toarray") else values, np.float64)
    except (TypeError, ValueError) as error:
        raise BadModelFile(f"This {type(model).__name__} is damaged: its {what} are not numbers.") from error
    if array.ndim and np.squeeze(array).shape != tuple(size for size in shape if size != 1):
        raise BadModelFile(
            f"This {type(model).__name__} is damaged: its {what} are {array.shape} where {shape} is needed."
        )
    array = array.reshape(shape) if array.ndim else np.full(shape, array)
    if not np.all(np.isfinite(array)):
        raise BadModelFile(f"This {type(model).__name__} is damaged: its {what} hold NaN or infinity.")
    return array
