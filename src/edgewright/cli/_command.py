"""What a command is, and how its errors end: one message on stderr and the exit code, never a traceback."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import typer

from edgewright.errors import AccuracyLost, EdgewrightError, TrainingStopped

INTERRUPTED = 130
BROKEN_PIPE = 141
CANNOT_RUN = 2

# Top-level packages that an extra brings.
_EXTRAS = {"torch": "train", "sklearn": "train", "matplotlib": "report"}

_OURS = (AccuracyLost, TrainingStopped)  # warnings that speak to users


@dataclass(frozen=True)
class Command:
    """A command of the command line.

    run: its parameters are the options (typer reads their annotations), its docstring the help. examples: lines that can be typed
    as they are.
    """

    run: Callable[..., None]
    examples: tuple[str, ...]

    @property
    def doc(self) -> str:
        """The first line of the help."""
        return inspect.cleandoc(self.run.__doc__ or "").splitlines()[0]

    @property
    def help(self) -> str:
        """The whole help, examples included."""
        heading = "Example" if len(self.examples) == 1 else "Examples"
        lines = "".join(f"\n  {line}" for line in self.examples)
        return f"{inspect.cleandoc(self.run.__doc__ or '')}\n\n\b\n{heading}:{lines}"


def guarded(run: Callable[..., None]) -> Callable[..., None]:
    """Return a command's function with every expected error turned into one message and an exit code."""

    @functools.wraps(run)
    def call(*arguments: Any, **options: Any) -> None:
        try:
            with _warnings_in_a_line():
                run(*arguments, **options)
            sys.stdout.flush()
        except EdgewrightError as error:
            _fail(str(error), error.exit_code)
        except ModuleNotFoundError as error:
            _fail(missing_package(error), CANNOT_RUN)
        except KeyboardInterrupt:
            _fail("Interrupted. Nothing was left half-written.", INTERRUPTED)
        except BrokenPipeError:
            _close_quietly()
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            _close_quietly()
            place = f"{error.filename}: " if error.filename else ""
            _fail(
                f"The system refused: {place}{error.strerror or error}. Make room or choose another place.", CANNOT_RUN
            )
        except MemoryError:
            _fail("There is not enough memory for this. Give fewer rows or a smaller model.", CANNOT_RUN)

    return call


@contextlib.contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Print each warning of ours on stderr as one line, and that once."""
    said: set[str] = set()
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if not issubclass(category, _OURS):
                others(message, category, *place, **more)
            elif str(message) not in said:
                said.add(str(message))
                print(f"edgewright: warning: {message}", file=sys.stderr)

        for ours in _OURS:
            warnings.simplefilter("always", ours)
        warnings.showwarning = show
        yield


def missing_package(error: ModuleNotFoundError) -> str:
    """Return what to install for an import that failed; raises the error again where it is none of our extras."""
    package = (error.name or "").split(".")[0]
    if package not in _EXTRAS:
        raise error
    extra = _EXTRAS[package]
    return f"This needs the package {package}, which is not installed: pip install 'edgewright[{extra}]'"


def _fail(message: str, exit_code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        print(f"edgewright: {message}", file=sys.stderr)
    raise typer.Exit(exit_code) from None


def _close_quietly() -> None:
    """Point stdout at nothing, so that what is still buffered is dropped without a word when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
