"""UGRNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from edgewright.estimators._recurrent import RecurrentClassifier


class UGRNNClassifier(RecurrentClassifier):
    """UGRNN: one gate between the state and its candidate (Collins, Sohl-Dickstein and Sussillo, ICLR 2017).

    Parameters and what is fitted: see `RecurrentClassifier`.
    """

    cell = "ugrnn"


ENTRY = UGRNNClassifier
