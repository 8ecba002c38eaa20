"""Gestures by an accelerometer: GesturePod's own model, or one trained on recordings, sample by sample on the board."""

from __future__ import annotations

from edgewright.apps import App, Order, Outcome


def run(order: Order) -> Outcome:
    """Return firmware for gestures: trained where there are data to train on or were before, else GesturePod's model.

    Raises BadData, BadModelFile, DoesNotFit.
    """
    from edgewright.apps.gestures import published, trained

    if order.model is not None:
        return trained.again(order)
    return published.run(order) if order.split is None else trained.run(order)


ENTRY = App(
    doc="Gestures by an accelerometer: GesturePod's ProtoNN replays its recording, or a FastGRNN is trained.",
    columns=("seconds", "gesture", "votes"),
    run=run,
)
