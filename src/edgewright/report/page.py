"""One self-contained HTML page from records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from edgewright.files import write_file
from edgewright.records import Record
from edgewright.report import candidates, sections, training
from edgewright.report.facts import Case, cases, in_order, percent, plain, share, whole
from edgewright.report.layers import layers
from edgewright.report.plots.accuracy_against_flash import accuracy_against_flash
from edgewright.report.plots.accuracy_against_needs import accuracy_against_needs
from edgewright.report.plots.instructions_by_function import instructions_by_function
from edgewright.report.plots.loss_by_epoch import loss_by_epoch
from edgewright.report.plots.memory_map import memory_map
from edgewright.report.plots.needs_against_has import needs_against_has
from edgewright.report.streams import streams


def write_page(records: Iterable[Record], path: Path | str) -> None:
    """Write the page of the "deploy" records among records as one HTML file that loads nothing.

    The same records give the same bytes. Raises BadInput where there is no such record, BadData where one is damaged,
    MissingTool without matplotlib, CannotWrite.
    """
    write_file(Path(path), render_page(records))


def render_page(records: Iterable[Record]) -> str:
    """Return the page as text; see `write_page`."""
    given = list(records)
    found = cases(given)
    trained = training.trainings(given)
    drawn = {
        "accuracy": accuracy_against_flash(found),
        "training": loss_by_epoch(trained),
        "needs": needs_against_has(found),
        "functions": instructions_by_function(found),
    }
    return _template().render(
        style=Markup(resources.files("edgewright.report").joinpath("templates/page.css").read_text(encoding="utf-8")),
        summary=_summary(found),
        states=_states(found),
        plots={name: None if svg is None else Markup(svg) for name, svg in drawn.items()},
        no_accuracy=_without_accuracy(found),
        verification=sections.verification(found),
        accuracies=sections.accuracies(found),
        searches=_searches(given),
        trainings=[(one.name, training.phases_table(one)) for one in trained],
        costs=sections.costs(found),
        streams=streams(found),
        layers=[(model, layers(own)) for model, own in sections.of_models(found) if any(case.layers for case in own)],
        functions=[
            (model, table) for model, own in sections.of_models(found) if (table := sections.functions(own)).rows
        ],
        memories=_memories(found),
        flash=[(model, sections.bytes_of_flash(own)) for model, own in sections.of_models(found)],
        left_out=_left_out(found, given),
        builds=sections.builds(found),
        conditions=sections.conditions(found),
    )


def _count(number: int, word: str, ending: str = "s") -> str:
    return f"{whole(number)} {word}" if number == 1 else f"{whole(number)} {word}{ending}"


def _summary(found: Sequence[Case]) -> list[str]:
    """What was measured and how it went, one sentence an entry."""
    models, boards = in_order(case.model for case in found), in_order(case.board for case in found)
    verified = [case for case in found if case.state == "verified"]
    vectors = sum(int(case.number("vectors") or 0) for case in verified)
    engines = in_order(name for case in verified for name in case.counts("mismatches_by_engine"))
    sentences = [f"{_count(len(models), 'model')} on {_count(len(boards), 'board')}: {_count(len(found), 'case')}."]
    if verified:
        sentences.append(
            f"{whole(len(verified))} of them {'is' if len(verified) == 1 else 'are'} verified: {_count(vectors, 'vector')} ran through the "
            f"integer twin in Python and through the C ({', '.join(engines)}), and the outputs were the same to the last bit, 0 mismatches."
        )
    differs = [case for case in found if case.state == "differs"]
    if differs:
        wrong = sum(int(case.number("mismatches") or 0) for case in differs)
        sentences.append(f"{_count(len(differs), 'case')} failed with {_count(wrong, 'mismatch', 'es')}.")
    too_large = sum(case.state == "does not fit" for case in found)
    others = len(found) - len(verified) - len(differs) - too_large
    rest = {"too large for the board": too_large, "not verified": others}
    said = [f"{whole(count)} {'is' if count == 1 else 'are'} {what}" for what, count in rest.items() if count]
    if said:
        sentences.append(f"{' and '.join(said)}; the reasons are under “What was left out”.")
    made_by = in_order(f"Edgewright {version}" for case in found if (version := case.record.versions.get("edgewright")))
    commits = in_order(
        f"commit {case.record.commit}{' with uncommitted changes' if case.record.dirty else ''}"
        for case in found
        if case.record.commit
    )
    if made_by or commits:
        sentences.append(f"Measured with {', '.join([*made_by, *commits])}.")
    return sentences


def _states(found: Sequence[Case]) -> list[tuple[str, str, str]]:
    """The figures at the top: number, word, kind."""
    count = {state: sum(case.state == state for case in found) for state in ("verified", "differs", "does not fit")}
    vectors = sum(int(case.number("vectors") or 0) for case in found)
    wrong = sum(int(case.number("mismatches") or 0) for case in found)
    unverified = len(found) - sum(count.values())
    tiles = [
        (
            f"{whole(count['verified'])} of {whole(len(found))}",
            "cases verified",
            "good" if count["verified"] else "open",
        ),
        (
            whole(wrong),
            f"mismatch{'' if wrong == 1 else 'es'} in {_count(vectors, 'vector')}",
            "bad" if wrong else "good" if vectors else "open",
        ),
    ]
    if unverified:
        tiles.append((whole(unverified), "not verified", "open"))
    if count["does not fit"]:
        tiles.append((whole(count["does not fit"]), "too large for the board", "bad"))
    return tiles


def _without_accuracy(found: Sequence[Case]) -> str:
    """Which cases are not in the plot of accuracy."""
    return _who([case for case in found if case.number("flash_bytes") is None or case.accuracy is None], found)


def _who(own: Sequence[Case], found: Sequence[Case]) -> str:
    """Name cases in words, a model on all its boards at once."""
    named = []
    for model, every in sections.of_models(found):
        boards = [case.board for case in own if case.model == model]
        if boards:
            named.append(model if len(boards) == len(every) > 1 else f"{model} on {', '.join(boards)}")
    return "; ".join(named)


def _searches(given: Sequence[Record]) -> list[dict[str, Any]]:
    """For each search: who, how much was tried, its budgets, its plot, and the table of its front."""
    shown = []
    for number, search in enumerate(candidates.searches(given)):
        svg = accuracy_against_needs(search, number)
        shown.append(
            {
                "name": search.name,
                "tried": _count(len(search.cases), "candidate"),
                "rows": "" if search.rows is None else f"{_count(int(search.rows), 'validation row')}",
                "budgets": candidates.budgets(search),
                "svg": None if svg is None else Markup(svg),
                "table": candidates.front_table(search),
            }
        )
    return shown


def _memories(found: Sequence[Case]) -> list[dict[str, Any]]:
    """For each model its memory map, the gap to the lower bound, and how well its integers follow the real numbers."""
    maps = []
    for number, (model, own) in enumerate(sections.of_models(found)):
        case = next((case for case in own if case.blocks), own[0])
        measured = next((case for case in own if case.values), None)
        svg = memory_map(model, case.blocks, number)
        maps.append(
            {
                "model": model,
                "svg": None if svg is None else Markup(svg),
                "gap": _gap(case),
                "table": sections.memory(case) if case.blocks else None,
                "quality": None if measured is None else sections.qualities(measured),
            }
        )
    return maps


def _gap(case: Case) -> str:
    arena, bound = case.number("arena_bytes"), case.number("arena_lower_bound_bytes")
    if arena is None or bound is None:
        return "The arena or its lower bound is not in the record."
    if arena <= bound:
        return f"{whole(arena)} bytes; no plan can do with less."
    over = share(arena - bound, bound)
    beyond = "" if over is None else f" ({percent(over)})"
    if case.certificate.startswith("optimal"):
        return f"{whole(arena)} bytes, {case.certificate}; {whole(bound)} are in use at once at the most."
    return f"{whole(arena)} bytes; no plan can do with less than {whole(bound)}: a gap of {whole(arena - bound)} bytes{beyond}."


def _left_out(found: Sequence[Case], given: Sequence[Record]) -> list[tuple[str, str]]:
    """Who, and why: cases without proof, cases that the records lack, records that this page does not show."""
    why: dict[str, list[Case]] = {}
    for case in found:
        reasons = list(case.reasons.values()) or [reason for reason in [case.why_too_large] if reason]
        if not reasons and case.state not in ("verified", "differs"):
            reasons = [case.why_missing("verified")]
        for reason in dict.fromkeys(reasons):
            why.setdefault(reason, []).append(case)
    left = [(_who(own, found), reason) for reason, own in why.items()]
    boards, there = in_order(case.board for case in found), {(case.model, case.board) for case in found}
    absent = [
        f"{model} on {board}"
        for model, _ in sections.of_models(found)
        for board in boards
        if (model, board) not in there
    ]
    if absent:
        left.append(("; ".join(absent), "The records hold no such case."))
    kinds = in_order(record.what for record in given if record.what not in ("deploy", candidates.KIND, training.KIND))
    for kind in kinds:
        number = sum(record.what == kind for record in given)
        left.append(
            (f"{_count(number, 'record')} of the kind “{kind}”", "This page shows records of the kind “deploy”.")
        )
    return left


def _shown(value: Any) -> Any:
    """What the template prints: text from records without control characters."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edgewright.report"),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html.jinja")
