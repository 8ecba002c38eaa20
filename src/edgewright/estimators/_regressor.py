"""What the estimators of real numbers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from edgewright.errors import BadData, BadInput
from edgewright.estimators._base import Estimator, Floats
from edgewright.lowering import Builder
from edgewright.training import Objective, objectives


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """Base of the estimators of real numbers; y: [n], or [n, targets] for several at once.

    The module learns (y - target_mean_) / target_scale_, and one more line in the C undoes that.
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> tuple[Floats, npt.NDArray[Any] | None]:
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is reported as infinite
                if y is None:
                    return validate_data(self, X, reset=reset, dtype=np.float32), None
                x, targets = validate_data(self, X, y, reset=reset, dtype=np.float32, multi_output=True, y_numeric=True)
                targets = check_array(targets, dtype=np.float32, ensure_2d=False, input_name="y")
        except ValueError as error:
            raise BadData(str(error)) from error
        return x, targets

    def _targets(self, y: npt.NDArray[Any]) -> tuple[torch.Tensor, npt.NDArray[np.intp]]:
        values = y.astype(np.float64)
        self.target_mean_, deviation = values.mean(0), values.std(0)
        # Rounding alone makes a constant column vary by about so much
        varies = deviation > np.finfo(np.float32).eps * np.abs(values).max(0)
        self.target_scale_ = np.where(varies, deviation, 1.0)
        standardised = ((values - self.target_mean_) / self.target_scale_).reshape(len(y), -1)
        return torch.tensor(standardised, dtype=torch.float32), np.zeros(len(y), np.intp)

    def _outputs(self) -> int:
        return int(np.size(self.target_mean_))

    def _labels(self) -> tuple[str, ...]:
        return ()

    def _objective(self) -> Objective:
        return objectives.regression()

    def _taught(self, teacher: Any, x: Floats) -> torch.Tensor:
        """Return what a fitted regressor predicts, standardised as the targets are. Raises BadInput."""
        name = type(teacher).__name__
        if isinstance(teacher, type) or not hasattr(teacher, "predict"):
            raise BadInput(f"{name} cannot teach: the teacher of a regressor is a fitted regressor with predict.")
        try:
            check_is_fitted(teacher)
            values = np.asarray(teacher.predict(x), np.float64)
        except NotFittedError as error:
            raise BadInput(f"The teacher {name} is not fitted. Fit it first.") from error
        if values.size != len(x) * self._outputs() or not np.isfinite(values).all():
            raise BadInput(
                f"The teacher {name} gave {list(values.shape)} predictions; finite ones of shape "
                f"{[len(x), *np.shape(self.target_mean_)]} are needed. Fit it on the same targets."
            )
        standardised = (values.reshape(len(x), *np.shape(self.target_mean_)) - self.target_mean_) / self.target_scale_
        return torch.tensor(standardised.reshape(len(x), -1), dtype=torch.float32)

    def _answer(self, builder: Builder, scores: str) -> str:
        """Append the line from standardised to real targets."""
        scale = builder.constant("target.scale", np.ravel(self.target_scale_))
        offset = builder.constant("target.offset", np.ravel(self.target_mean_))
        return builder.node("affine", "prediction", x=scores, scale=scale, offset=offset)

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the predicted targets, [n] or [n, targets] as in the fit."""
        scores = self._scores(X).astype(np.float64)
        predicted: npt.NDArray[np.float64] = (
            scores.reshape(-1, *np.shape(self.target_mean_)) * self.target_scale_ + self.target_mean_
        )
        return predicted
