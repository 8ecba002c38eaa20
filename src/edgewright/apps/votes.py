"""From answers to what was heard: a majority of the last answers, and one event at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

VOTES = 6


@dataclass(frozen=True)
class Heard:
    """An event: a gesture, a word. seconds: since the recording began. votes: how many of the last answers say so."""

    seconds: float
    label: str
    votes: int


def majority(answers: Sequence[str], labels: Sequence[str], of: int = VOTES) -> list[tuple[str, int]]:
    """Return for each answer the most frequent of it and those before it, `of` in all, and how many they are.

    Among equals the first of `labels` is taken, as GesturePod does.
    """
    found = []
    for number in range(len(answers)):
        counts = Counter(answers[max(0, number + 1 - of) : number + 1])
        label = max(labels, key=counts.__getitem__)
        found.append((label, counts[label]))
    return found


def events(
    answers: Sequence[str],
    labels: Sequence[str],
    seconds: Sequence[float],
    quiet: Collection[str],
    pause: float,
    of: int = VOTES,
    *,
    repeats: bool = True,
) -> list[Heard]:
    """Return the events in answers given at `seconds`: majorities that are not `quiet`, the next one `pause` seconds later at least.

    repeats: whether a majority that lasts longer than the pause is another event.
    """
    heard: list[Heard] = []
    before = None
    for (label, votes), at in zip(majority(answers, labels, of), seconds, strict=True):
        begins = repeats or label != before
        if begins and label not in quiet and (not heard or at - heard[-1].seconds >= pause):
            heard.append(Heard(at, label, votes))
        before = label
    return heard
