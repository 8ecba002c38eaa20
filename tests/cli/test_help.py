from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
import typer
from command_line import PROGRAM, Edgewright, run_apart

from edgewright import __version__, cli

WANTED = {"app", "bench", "build", "compile", "cost", "demo", "list", "show", "verify"}


def test_every_command_is_there() -> None:
    assert set(cli.names()) == WANTED


@pytest.mark.parametrize("name", cli.names())
def test_help_says_what_it_does_and_shows_an_example(name: str, edgewright: Edgewright) -> None:
    result = edgewright(name, "--help")
    assert result.code == 0
    command = cli.get(name)
    assert command.doc.endswith(".")
    assert "Example" in result.out
    for example in command.examples:
        assert example in result.out
    assert "--json" in result.out
    too_wide = [
        line for line in result.out.splitlines() if len(line) > 80 and not line.strip().startswith("edgewright ")
    ]
    assert not too_wide


@pytest.mark.parametrize("example", [example for name in cli.names() for example in cli.get(name).examples])
def test_examples_are_parsed(example: str) -> None:
    program, name, *arguments = shlex.split(example)
    assert program == "edgewright"
    group = typer.main.get_command(cli.application())
    command = group.commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments)
    assert context.params


@pytest.mark.parametrize("name", cli.names())
def test_every_option_is_explained(name: str) -> None:
    command = typer.main.get_command(cli.application()).commands[name]  # type: ignore[attr-defined]
    assert all(parameter.help for parameter in command.params)


def test_version(edgewright: Edgewright) -> None:
    result = edgewright("--version")
    assert (result.code, result.out) == (0, f"edgewright {__version__}\n")


def test_nothing_given_shows_the_commands(edgewright: Edgewright) -> None:
    result = edgewright()
    assert all(name in result.out + result.err for name in WANTED)


def test_an_unknown_command_suggests_the_nearest(edgewright: Edgewright) -> None:
    result = edgewright("biuld")
    assert result.code == 2
    assert "Did you mean 'build'" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "--data", "digits"),
        ("build", "--sizekb", "3"),
        ("verify",),
        ("build", "--seed", "minus"),
        ("cost", "a", "b"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], edgewright: Edgewright) -> None:
    result = edgewright(*arguments)
    assert result.code == 2
    assert "Usage:" in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom edgewright.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'torch', 'sklearn', 'scipy', 'matplotlib', 'unicorn'} & set(sys.modules)), file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stderr.strip() == "[]"


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_closed_pipe_is_no_matter(form: tuple[str, ...]) -> None:
    line = shlex.join([*PROGRAM, "list", "boards", *form])
    script = f"{{ sleep 0.2; {line}; echo $? >&2; }} | true"  # whoever reads is gone before anything is written
    finished = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert finished.stderr == "141\n"


def test_a_full_stdout_is_one_message() -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [*PROGRAM, "list", "boards"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert "No space left" in finished.stderr


def test_main_ends_by_its_exit_code() -> None:
    assert run_apart("list", "nothing").returncode == 2
    assert run_apart("list", "boards").returncode == 0
