"""FastRNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from edgewright.estimators._recurrent import RecurrentClassifier


class FastRNNClassifier(RecurrentClassifier):
    """FastRNN: a residual connection with two learned numbers (Kusupati et al., NeurIPS 2018).

    Parameters and what is fitted: see `RecurrentClassifier`.
    """

    cell = "fastrnn"


ENTRY = FastRNNClassifier
