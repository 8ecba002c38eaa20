"""LSTM as a scikit-learn classifier of sequences."""

from __future__ import annotations

from edgewright.estimators._recurrent import RecurrentClassifier


class LSTMClassifier(RecurrentClassifier):
    """LSTM: a memory behind three gates (Hochreiter and Schmidhuber, Neural Computation 1997).

    Parameters and what is fitted: see `RecurrentClassifier`.
    """

    cell = "lstm"


ENTRY = LSTMClassifier
