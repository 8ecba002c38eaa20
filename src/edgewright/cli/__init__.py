"""The command line: one file a command. Each parses, calls, prints; what it needs is imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import typer

from edgewright import __version__, catalog
from edgewright.cli._command import Command, guarded


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends by SystemExit with 0 (done), 1 (a check failed), 2 (bad input) or 130 (interrupted)."""
    application()(args=None if arguments is None else [*arguments], prog_name="edgewright")


def application() -> typer.Typer:
    """Return the application with every command of this folder."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_common)
    for name in names():
        command = get(name)
        app.command(name, help=command.help, short_help=command.doc)(guarded(command.run))
    return app


def get(name: str) -> Command:
    """Return a command by name. Raises UnknownName."""
    return cast(Command, catalog.get(__name__, name))


def names() -> tuple[str, ...]:
    """Return the names of all commands."""
    return tuple(catalog.spelled(name) for name in catalog.names(__name__))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgewright {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train, shrink, compile and prove machine learning for devices with kilobytes.

    A model becomes integer C that is checked, bit for bit, on emulated boards. Begin with `edgewright demo`.
    """
