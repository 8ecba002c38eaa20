"""Errors: one family, with exit codes, and messages that help."""

from __future__ import annotations

import pytest

from edgewright import errors


def family() -> list[type[Exception]]:
    items = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    return [item for item in items if not issubclass(item, Warning)]


def test_the_warning_is_in_the_list_and_is_no_error() -> None:
    assert issubclass(errors.AccuracyLost, UserWarning)
    assert "AccuracyLost" in (errors.__doc__ or "")


@pytest.mark.parametrize("error", family(), ids=lambda error: error.__name__)
def test_exit_codes(error: type[errors.EdgewrightError]) -> None:
    assert issubclass(error, errors.EdgewrightError)
    assert error.exit_code == (1 if issubclass(error, errors.CheckFailed) else 2)
    assert issubclass(error, ValueError) == issubclass(error, errors.BadInput)
    assert error.__name__ in (errors.__doc__ or "")


def test_an_unknown_name_says_the_nearest_and_all() -> None:
    error = errors.UnknownName("board", "micro-bit", ["microbit", "bluepill"])
    assert str(error) == "There is no board named 'micro-bit'. Did you mean 'microbit'? Known: bluepill, microbit."
    assert "mean" not in str(errors.UnknownName("board", "zzz", ["microbit"]))


def test_one_problem_is_a_line_and_several_are_a_list() -> None:
    assert errors.list_problems("Wrong:", ["this"]) == "Wrong: this"
    assert errors.list_problems("Wrong:", iter(["this", "that"])) == "Wrong:\n  - this\n  - that"
