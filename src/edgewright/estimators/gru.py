"""GRU as a scikit-learn classifier of sequences."""

from __future__ import annotations

from edgewright.estimators._recurrent import RecurrentClassifier


class GRUClassifier(RecurrentClassifier):
    """GRU: a gate that resets and a gate that updates (Cho et al., EMNLP 2014).

    Parameters and what is fitted: see `RecurrentClassifier`.
    """

    cell = "gru"


ENTRY = GRUClassifier
