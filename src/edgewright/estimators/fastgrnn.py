"""FastGRNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from edgewright.estimators._recurrent import RecurrentClassifier


class FastGRNNClassifier(RecurrentClassifier):
    """FastGRNN: one gate that shares its matrices with the candidate (Kusupati et al., NeurIPS 2018).

    Parameters and what is fitted: see `RecurrentClassifier`.
    """

    cell = "fastgrnn"


ENTRY = FastGRNNClassifier
