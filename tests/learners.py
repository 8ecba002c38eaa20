"""Which of our estimators read sequences, and the digits as each reads them."""

from edgewright import estimators
from edgewright.data import Split


def reads_sequences(name: str) -> bool:
    """Whether an estimator takes [n, steps, features]."""
    return bool(estimators.get(name)().__sklearn_tags__().input_tags.three_d_array)


def as_read(split: Split, name: str) -> Split:
    """Return images as an estimator reads them: a table, or lines as steps."""
    return split.as_sequences() if reads_sequences(name) else split


def fewest_epochs(name: str) -> int:
    """Return as many epochs as an estimator has phases, 3 at least."""
    return max(3, len(estimators.get(name)()._usual_phases()))
