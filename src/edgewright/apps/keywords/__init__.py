"""Keywords: words spoken into a microphone, from raw samples to a word, sample by sample on the board."""

from __future__ import annotations

from edgewright.apps import App, Order, Outcome


def run(order: Order) -> Outcome:
    """Return firmware for keywords, trained or of an earlier run, and the words that the board hears in recordings.

    Raises BadData, BadInput, BadModelFile, UnknownName, DoesNotFit; MissingTool where there is no microphone to listen to.
    """
    from edgewright.apps.keywords import flow

    return flow.run(order)


ENTRY = App(
    doc="Words from a microphone's samples: a recurrent model on log-mel bands hears WAV files or a microphone.",
    columns=("recording", "seconds", "word", "votes"),
    run=run,
)
