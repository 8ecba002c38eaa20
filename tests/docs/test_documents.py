"""What the documentation shows is true: its commands run, its code runs, what it names exists."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fenced_blocks import LANGUAGES, ROOT, Block, Command, blocks_of, commands_of, files, outside_of_blocks

from edgewright import bench, cli

FILES = files()
WITH_CODE = [file for file in FILES if any(block.language in ("console", "python") for block in blocks_of(file))]
SECONDS = 600  # that a command of the documentation may take at the most

# Commands that set a machine up: not run, but held against what they name.
MACHINE = ("make", "pip", "git", "cd", "sudo", "apt", "apt-get", "python3", ".")
_INLINE = re.compile(r"`([^`\n]+)`")


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def every_command() -> list[Command]:
    return [
        command
        for file in FILES
        for block in blocks_of(file)
        if block.language == "console"
        for command in commands_of(block)
    ]


def inline_code() -> list[str]:
    return [code for file in FILES for _, line in outside_of_blocks(file) for code in _INLINE.findall(line)]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_block_is_of_a_language_that_is_checked(file: Path) -> None:
    for block in blocks_of(file):
        assert block.language in LANGUAGES, (
            f"{file.name}:{block.line}: {block.language or 'a block without a language'}"
        )
    for number, line in outside_of_blocks(file):
        assert not re.match(r"\s+(\$ |edgewright |make |pip |import |from \w+ import )", line), (
            f"{file.name}:{number}: code belongs in a fenced block, where it is run"
        )


@pytest.mark.slow
@pytest.mark.parametrize("file", WITH_CODE, ids=name_of)
def test_commands_and_code_run(file: Path, reader: Path) -> None:
    names: dict[str, Any] = {"__name__": f"documentation of {file.name}"}
    for block in blocks_of(file):
        if block.language == "console":
            for command in commands_of(block):
                run(command, block, reader)
        elif block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, str(file), "exec"), names)


def run(command: Command, block: Block, folder: Path) -> None:
    """Run a command as its reader would, or check what it names where it sets up a machine or takes hours."""
    place = f"{block.file.name}:{command.line}: {command.text}"
    if problem := problem_unrun(command):
        pytest.fail(f"{place}: {problem}")
    if is_unrun(command):
        assert not command.output, f"{place}: it is not run here, so nothing vouches for the output that is shown"
        return
    if missing := [word for word in command.words if word == "model.tflite" and not (folder / word).exists()]:
        print(f"{place}: left out, because EDGEWRIGHT_DATA has no file for {missing[0]}")
        return
    done = subprocess.run(
        ["bash", "-e", "-c", command.text], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    said = {" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()}
    for line in command.output:
        assert line.strip() == "..." or " ".join(line.split()) in said, (
            f"{place}: it does not say {line!r}\n{done.stdout}"
        )


def is_unrun(command: Command) -> bool:
    """Whether a command sets up a machine, or is a benchmark in full, which takes hours."""
    return command.words[0] in MACHINE or is_full_benchmark(command.words)


def is_full_benchmark(words: list[str]) -> bool:
    return words[:2] == ["edgewright", "bench"] and len(words) > 2 and not {"--quick", "--show"} & {*words}


def problem_unrun(command: Command) -> str | None:
    """What is wrong with a command that is not run."""
    words = command.words
    if words[0] == "make":
        unknown = {word for word in words[1:] if "=" not in word} - targets()
        return f"the Makefile has no target {', '.join(sorted(unknown))}" if unknown else None
    if words[0] == "pip":
        unknown = extras_named(command.text) - extras()
        return f"there is no extra {', '.join(sorted(unknown))}" if unknown else None
    if "install" in words and {"apt", "apt-get"} & {*words}:
        packages = {word for word in words[words.index("install") + 1 :] if not word.startswith("-")}
        unknown = packages - {*re.findall(r"[\w-]+", (ROOT / "scripts" / "setup").read_text())}
        return f"scripts/setup does not install {', '.join(sorted(unknown))}" if unknown else None
    if is_full_benchmark(words) and words[2] not in bench.names():
        return f"there is no benchmark {words[2]}"
    return None


def targets() -> set[str]:
    return {*re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def extras() -> set[str]:
    return {*project()["optional-dependencies"]}


def extras_named(text: str) -> set[str]:
    return {extra.strip() for listed in re.findall(r"\[([\w, -]+)\]", text) for extra in listed.split(",")}


def test_the_commands_named_in_sentences_exist() -> None:
    for code in inline_code():
        words = code.split()
        if words[0] == "edgewright" and len(words) > 1 and words[1][0].isalpha():
            assert words[1] in cli.names(), code
        if words[0] in MACHINE:
            assert problem_unrun(Command(0, code, ())) is None, code


def test_every_command_is_named() -> None:
    said = [*(command.text for command in every_command()), *inline_code()]
    for name in cli.names():
        assert any(text.startswith(f"edgewright {name}") for text in said), f"no document names edgewright {name}"


def test_both_commands_for_everybody_are_in_the_readme() -> None:
    blocks = [block for block in blocks_of(ROOT / "README.md") if block.language == "console"]
    said = [command.words for block in blocks for command in commands_of(block)]
    assert ["make", "demo"] in said
    assert ["make", "test"] in said


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_named_by_links_exist(file: Path) -> None:
    for number, line in outside_of_blocks(file):
        for target in re.findall(r"\]\(([^)#\s]+)", line):
            if "://" not in target:
                assert (file.parent / target).exists(), f"{file.name}:{number}: {target}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_of_the_project_that_are_named_exist(file: Path) -> None:
    roots = (ROOT, ROOT / "src" / "edgewright", file.parent)
    for number, line in outside_of_blocks(file):
        for path in re.findall(
            r"`((?:docs|ops|boards|tests|benchmarks|scripts|ir|runtime|compiler|engines)/[\w./-]+)`", line
        ):
            known = any((root / path).exists() for root in roots)
            assert known or Path(path).stem == "x", f"{file.name}:{number}: {path}"  # x: what the reader adds
