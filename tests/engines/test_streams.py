"""NAME_step gives on every board what the twin gives, sample by sample, and its instructions are those of each sample."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stream_graphs import STRUCTURES, sequence

from edgewright import boards, engines
from edgewright.compiler.emit import Golden, emit
from edgewright.compiler.program import Program
from edgewright.compiler.stream import to_stream
from edgewright.engines import Image, Run, _tools, pack_inputs, unpack_outputs, unpack_ready
from edgewright.engines._sizes import check_program
from edgewright.errors import DoesNotFit
from edgewright.ir.stream import Stream
from edgewright.ir.types import Array
from edgewright.runtime.stream import run_stream

BOARDS = ("host", "arduino_uno", "microbit", "nano33ble", "esp32c3")
# Answers once a sequence, overlapping ones, and some with samples between that nobody asks about
EVERY = {"": None, "_often": 4, "_seldom": 13}


def streams() -> dict[str, Stream]:
    found = {}
    for name in STRUCTURES:
        for word, every in EVERY.items():
            found[name + word] = to_stream(sequence(name), 3 if every == 4 and name == "apart" else every)
    return found


def given(stream: Stream) -> Array:
    """Two windows and more at the corners of the range, and random samples."""
    low, high = stream.sample_type.range
    generator = np.random.default_rng(3)
    shape = (3 * max(stream.window, stream.every) + 2, *stream.sample_type.shape)
    parts = (np.full(shape, low), np.full(shape, high), generator.choice([low, high], size=shape))
    return np.concatenate([*parts, generator.integers(low, high + 1, shape)]).astype(stream.sample_type.dtype)


def images(found: dict[str, Stream], board: str) -> list[Image]:
    """Images that hold all streams between them."""
    engine = engines.get(boards.get(board).engine)
    try:
        program = emit(found, "streams", features=boards.get(board).cpu.features)
        return [engine.build(program, board)]
    except DoesNotFit:
        items = list(found.items())
        half = len(items) // 2
        return [image for part in (items[:half], items[half:]) for image in images(dict(part), board)]


def checked(image: Image, name: str, stream: Stream, samples: Array) -> Run:
    """Run a stream; it must give what the twin gives."""
    entry = next(entry for entry in image.program.entries if entry.name == name)
    run = engines.get(image.engine).run(image, name, pack_inputs(entry, [samples]))
    ready, answers = run_stream(stream, samples)
    assert np.array_equal(unpack_ready(run.outputs), ready), name
    (outputs,) = unpack_outputs(entry, run.outputs)
    assert np.array_equal(outputs[ready], answers), name
    return run


@pytest.mark.parametrize("board", BOARDS)
def test_every_structure_is_the_twin_on_every_board(board: str) -> None:
    if reason := engines.get(boards.get(board).engine).why_not(boards.get(board)):
        pytest.skip(reason)
    found = streams()
    seen = 0
    for image in images(found, board):
        for entry in image.program.entries:
            run = checked(image, entry.name, found[entry.name], given(found[entry.name]))
            seen += 1
            assert run.instructions is None or len(run.instructions) == len(run.outputs)
    assert seen == len(found)


@pytest.mark.slow
def test_sanitizers_find_nothing_and_outputs_without_an_answer_stay() -> None:
    engine = engines.get("host")
    if reason := engine.why_not(boards.get("host"), sanitize=True):
        pytest.skip(reason)
    found = streams()
    image = engine.build(emit(found, "streams"), "host", sanitize=True)
    for entry in image.program.entries:
        run = checked(image, entry.name, found[entry.name], given(found[entry.name]))
        (outputs,) = unpack_outputs(entry, run.outputs)
        unready = outputs[unpack_ready(run.outputs) == 0]
        assert (unready.view(np.uint8) == 0xA5).all()


def test_instructions_are_those_of_each_sample() -> None:
    engine = engines.get("unicorn")
    if reason := engine.why_not(boards.get("microbit")):
        pytest.skip(reason)
    stream = to_stream(sequence("last"))
    image = engine.build(emit({"last": stream}), "microbit")
    run = checked(image, "last", stream, given(stream)[:20])
    counted = run.instructions.reshape(4, 5)
    assert (counted[:, 4] > counted[:, :4].max()).all()  # the head runs with the last sample
    assert run.instructions.sum() == sum(run.by_function.values())
    assert len(run.cycles_estimated) == 20
    assert (run.cycles_estimated >= run.instructions).all()
    again = engine.run(image, "last", pack_inputs(image.program.entries[0], [given(stream)[:20]]))
    assert np.array_equal(again.instructions, run.instructions)


@pytest.mark.parametrize("board", ["microbit", "nano33ble", "hifive1"])
def test_qemu_gives_the_same_and_counts_the_same_but_for_a_constant(board: str) -> None:
    qemu, unicorn = engines.get("qemu"), engines.get("unicorn")
    if reason := qemu.why_not(boards.get(board)) or unicorn.why_not(boards.get(board)):
        pytest.skip(reason)
    found = {name: to_stream(sequence(name)) for name in ("frames", "until", "raw")}
    program = emit(found, "second", features=boards.get(board).cpu.features)
    second, first = qemu.build(program, board), unicorn.build(program, board)
    constants = []
    for name, stream in found.items():
        samples = given(stream)
        timed = checked(second, name, stream, samples).timer_instructions
        difference = timed - checked(first, name, stream, samples).instructions
        assert np.ptp(difference[1:]) <= 1, name  # the timer's last tick
        assert difference[0] > difference[1:].max() + 1  # the clock sees the reset before the first sample
        constants.append(difference.min())
    assert np.ptp(constants) < 8  # each model has a call of its own in the harness
    assert min(constants) >= 2


def test_early_exit_takes_fewer_instructions() -> None:
    engine = engines.get("unicorn")
    if reason := engine.why_not(boards.get("microbit")):
        pytest.skip(reason)
    stream = to_stream(sequence("until"))
    samples = given(stream)
    ready, _ = run_stream(stream, samples)
    early = np.flatnonzero(ready)[0]
    assert early < stream.first - 1
    image = engine.build(emit({"until": stream}), "microbit")
    counted = checked(image, "until", stream, samples).instructions
    assert counted[early + 1 : stream.every].max() < 30 < counted[: early + 1].max()


RESET = """
#include "last.h"
#include <stdio.h>
#include <string.h>

static const int16_t samples[] = {@samples@};

/* Prints where answers come and what they are, after so many samples of another stream; then a second state beside the first. */
int main(void) {
    last_state one, two;
    int16_t output[LAST_OUTPUT_SIZE];
    int label;
    memset(&one, 0x5A, sizeof one);
    last_reset(&one);
    for (int k = 0; k < 3; k++) (void)last_step(&one, samples + k * LAST_INPUT_SIZE, output);
    last_reset(&one);
    last_reset(&two);
    for (int k = 0; k < 2 * LAST_WINDOW; k++) {
        label = last_predict(&two, samples + k * LAST_INPUT_SIZE);
        if (last_step(&one, samples + k * LAST_INPUT_SIZE, output)) {
            printf("%d %d", k, label);
            for (int i = 0; i < LAST_OUTPUT_SIZE; i++) printf(" %d", output[i]);
            printf("\\n");
        } else if (label != -1) {
            return 1;
        }
    }
    return LAST_STATE_BYTES == sizeof one ? 0 : 2;
}
"""


def compiled(program: Program, main: str, folder: Path, *flags: str) -> Path:
    """The program of a main and the model's sources, as strict compilers take it."""
    for file, text in {**program.files, "main.c": main}.items():
        (folder / file).write_text(text)
    sources = sorted(file.name for file in folder.glob("*.c"))
    command = [*_tools.zig(), *_tools.STRICT, "-O1", *flags, *sources, "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "program"


def test_reset_begins_anew_and_states_do_not_meet(tmp_path: Path) -> None:
    if reason := engines.get("host").why_not(boards.get("host")):
        pytest.skip(reason)
    stream = to_stream(sequence("last"))
    samples = given(stream)[-2 * stream.window :]
    main = RESET.replace("@samples@", ", ".join(map(str, samples.ravel())))
    place = compiled(emit({"last": stream}), main, tmp_path)
    said = subprocess.run([place], check=True, capture_output=True, text=True).stdout
    ready, answers = run_stream(stream, samples)
    wanted = [
        f"{sample} {answer.argmax()} {' '.join(map(str, answer))}"
        for sample, answer in zip(np.flatnonzero(ready), answers, strict=True)
    ]
    assert said.splitlines() == wanted


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_selftest_finds_a_wrong_answer(tmp_path: Path, wrong: int) -> None:
    if reason := engines.get("host").why_not(boards.get("host")):
        pytest.skip(reason)
    stream = to_stream(sequence("frames"))
    samples = given(stream)[-5:]
    count = stream.window + stream.every
    _, answers = run_stream(stream, samples[np.arange(count) % 5])
    answers[1, 2] += wrong
    program = emit({"frames": stream}, golden={"frames": Golden(samples, answers, count)})
    assert program.entries[0].golden_vectors == 2
    main = "int frames_selftest(void);\nint main(void) {\n    return frames_selftest();\n}\n"
    place = compiled(program, main, tmp_path)
    assert subprocess.run([place], check=False).returncode == wrong


@pytest.mark.slow
def test_the_header_is_sound_in_cpp_and_says_what_the_stream_needs(tmp_path: Path) -> None:
    if reason := engines.get("host").why_not(boards.get("host")):
        pytest.skip(reason)
    found = {name: to_stream(sequence(name)) for name in ("frames", "until")}
    program = emit(found, "both")
    for file, text in program.files.items():
        (tmp_path / file).write_text(text)
    main = """#include "both.h"
static const int16_t frames_input[FRAMES_INPUT_SIZE] = {};
static frames_state state;
int main() {
    frames_reset(&state);
    return frames_predict(&state, frames_input) + 1;
}
"""
    (tmp_path / "main.cpp").write_text(main)
    zig = _tools.zig()
    subprocess.run([*zig, *_tools.STRICT, "-c", "both.c", "-o", "both.o"], cwd=tmp_path, check=True)
    strict = [flag for flag in _tools.STRICT if not flag.startswith("-std")]
    # As C++ without its library, which zig would build first
    cpp = [*zig, "-x", "c++", "-std=c++11", "-nostdinc++", *strict, "-c", "main.cpp", "-o", "main.o"]
    subprocess.run(cpp, cwd=tmp_path, check=True)
    subprocess.run([*zig, "main.o", "both.o", "-o", "program"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 0
    header = program.files["both.h"]
    for name, stream in found.items():
        facts = dict(re.findall(rf"#define {name.upper()}_(WINDOW|FIRST|EVERY|STATE_BYTES) (\d+)", header))
        entry = next(entry for entry in program.entries if entry.name == name)
        wanted = (stream.window, stream.first, stream.every, entry.step.state_bytes)
        assert tuple(int(facts[word]) for word in ("WINDOW", "FIRST", "EVERY", "STATE_BYTES")) == wanted


def test_a_state_that_the_ram_does_not_hold_does_not_fit() -> None:
    program = emit({"frames": to_stream(sequence("frames"))})
    entry = program.entries[0]
    assert entry.step is not None
    large = replace(program, entries=(replace(entry, step=replace(entry.step, state_bytes=2**20)),))
    check_program(program, "microbit")
    with pytest.raises(DoesNotFit, match="RAM is over"):
        check_program(large, "microbit")
