"""Sizes are exact, builds are reproducible and cached, and whatever is missing or too large is said."""

import importlib.util
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from engine_programs import pair, program, single

from edgewright import boards, engines
from edgewright.engines import _cache, _tools, objects
from edgewright.errors import BadInput, BoardFault, CannotWrite, DoesNotFit, MissingTool
from edgewright.ir.types import Type

EMULATED = [(name, boards.get(name).engine) for name in boards.names() if name != "host"]
CONSTANTS = "static const int8_t table[500] = {3, 4, 5};\nRUN { out0[0] = table[in0[0] & 127]; }"


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """An empty cache of builds that still has what zig has built of its own."""
    zig = _cache.cache_folder() / "zig"
    zig.mkdir(parents=True, exist_ok=True)
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "zig").symlink_to(zig)
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(folder))
    return folder


@pytest.mark.parametrize(("board", "engine"), EMULATED)
def test_flash_is_functions_and_constants_of_the_program_alone(board, engine, available):
    chosen = available(engine, board)
    image = chosen.build(pair(), board)
    sizes = objects.function_sizes(image)
    assert {"dense_run", "dense_row", "double16_run"} <= sizes.keys()
    assert not {"harness_main", "main", "Reset_Handler"} & sizes.keys()
    rest = image.flash_bytes - sum(sizes.values())
    assert 60 <= rest <= 60 + 8  # the weights, and what aligns them
    assert image.flash_bytes == sum(
        nbytes for name, nbytes in objects.section_sizes(image).items() if name in (".text", ".rodata", ".data")
    )
    assert image.ram_bytes == 5 * 4
    assert image.image_flash_bytes > image.flash_bytes
    assert image.image_ram_bytes >= image.ram_bytes + 16 + 12
    assert image.stack_room_bytes == boards.get(board).ram_bytes - image.image_ram_bytes
    assert set(image.helper_bytes) == set(sizes) - {"dense_run", "dense_row", "double16_run"}


def test_helpers_are_counted_where_the_core_needs_them(available):
    m0 = available("unicorn", "microbit").build(pair(), "microbit")
    m3 = available("unicorn", "bluepill").build(pair(), "bluepill")
    assert m0.helper_bytes["__aeabi_lmul"] > 0
    assert m3.helper_bytes == {}


@pytest.mark.parametrize(("board", "engine"), EMULATED)
def test_plain_code_keeps_its_promises(board, engine, available):
    assert objects.problems(available(engine, board).build(pair(), board)) == []


@pytest.mark.parametrize(("board", "engine"), EMULATED)
def test_floating_point_is_found(board, engine, available):
    chosen = available(engine, board)
    c = "RUN { float x = 1.5f; for (int k = 0; k < 8; k++) x = x * 1.25f + (float)in0[k]; out0[0] = (int32_t)x; }"
    found = objects.problems(chosen.build(single("floats", c), board))
    assert found
    assert all("floating-point" in problem for problem in found)
    if boards.get(board).core in ("cortex_m4f", "cortex_m33", "cortex_m7"):
        assert any(re.match("v(mul|fma)", problem) and "floats_run" in problem for problem in found)


def test_what_is_no_helper_of_the_compiler_is_found(available):
    c = "int32_t outside(int32_t x);\n__attribute__((weak)) int32_t outside(int32_t x);\nRUN { out0[0] = outside ? outside(in0[0]) : 1; }"
    image = available("unicorn", "bluepill").build(single("needy", c), "bluepill")
    (problem,) = objects.problems(image)
    assert "outside is needed from elsewhere" in problem


def test_a_missing_function_does_not_link(available):
    c = "int32_t outside(int32_t x);\nRUN { out0[0] = outside(in0[0]); }"
    with pytest.raises(BoardFault, match=r"(?s)does not build.*outside"):
        available("unicorn", "bluepill").build(single("needy", c), "bluepill")


@pytest.mark.parametrize(("board", "engine"), EMULATED)
def test_two_builds_are_the_same_bytes(board, engine, available, fresh_cache, monkeypatch):
    chosen = available(engine, board)
    first = chosen.build(pair(), board)
    second_cache = fresh_cache.with_name("second")
    second_cache.mkdir()
    (second_cache / "zig").symlink_to((fresh_cache / "zig").resolve())
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(second_cache))
    second = chosen.build(pair(), board)
    assert first.path != second.path
    for name in (objects.IMAGE_ELF, objects.MODEL_ELF):
        assert first.path.with_name(name).read_bytes() == second.path.with_name(name).read_bytes()


def test_a_build_is_made_once(available, fresh_cache, monkeypatch):
    unicorn = available("unicorn", "microbit")
    first = unicorn.build(pair(), "microbit")
    monkeypatch.setattr(_tools, "compile_with", lambda *_: pytest.fail("compiled again"))
    begin = time.perf_counter()
    assert unicorn.build(pair(), "microbit") == first
    assert time.perf_counter() - begin < 0.2
    assert not list((fresh_cache / "builds").glob(".new-*"))


def test_every_ingredient_makes_its_own_build(available):
    unicorn = available("unicorn", "microbit")
    images = [
        unicorn.build(single("a", CONSTANTS), "microbit"),
        unicorn.build(single("a", CONSTANTS + "\n"), "microbit"),
    ]
    assert images[0].path != images[1].path


@pytest.mark.parametrize(
    ("board", "constants", "arena", "words"),
    [
        ("microbit", 300_000, 10, ["flash is over by 3[78],"]),
        ("microbit", 100, 20_000, ["RAM is over by 3,6[0-9][0-9] bytes"]),
        ("bluepill", 70_000, 30_000, ["flash is over by ", "RAM is over by "]),
        ("arduino-uno", 32_700, 10, ["flash is over by .* 32,256 there"]),
        ("arduino-uno", 20, 2_100, ["RAM is over by .* 2,048 there"]),
    ],
)
def test_what_does_not_fit_is_said_in_bytes(board, constants, arena, words, available):
    flash = "#include <avr/pgmspace.h>\n" if board == "arduino-uno" else ""
    c = (
        f"{flash}static const int8_t table[{constants}]{' PROGMEM' if flash else ''} = {{3}};\nstatic volatile int8_t arena[{arena}];\n"
        "RUN { arena[in0[0]] = *(const volatile int8_t *)&table[in0[1]]; out0[0] = arena[0]; }"
    )
    with pytest.raises(DoesNotFit) as caught:
        available(boards.get(board).engine, board).build(single("large", c), board)
    for word in words:
        assert re.search(word, str(caught.value))


def test_what_no_compiler_takes_is_said_in_bytes_too(available):
    large = single("large", "RUN { out0[0] = in0[0]; }")
    entry = replace(large.entries[0], constant_bytes={"w": 40_000, "b": 100}, arena_bytes=3_000)
    with pytest.raises(DoesNotFit) as caught:
        available("simavr", "arduino-uno").build(replace(large, entries=(entry,)), "arduino-uno")
    assert "flash is over by at least 7,844 bytes: 40,100 needed" in str(caught.value)
    assert "RAM is over by at least 964 bytes: 3,012 needed" in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "board", "settings", "package"),
    [
        ("simavr", "arduino-uno", {}, "gcc-avr"),
        ("qemu", "microbit", {}, "qemu-system-arm"),
        ("qemu", "hifive1", {}, "qemu-system-misc"),
        ("unicorn", "microbit", {"compiler": "gcc"}, "gcc-arm-none-eabi"),
        ("unicorn", "hifive1", {"compiler": "gcc"}, "gcc-riscv64-unknown-elf"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(engine, board, settings, package, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert f"apt-get install {package}" in engines.get(engine).why_not(boards.get(board), **settings)
    with pytest.raises(MissingTool, match=package):
        engines.get(engine).build(pair(), board, **settings)


def test_a_missing_library_for_the_avr_runner_is_named(monkeypatch, available, fresh_cache):
    simavr = available("simavr", "arduino-uno")
    monkeypatch.setattr("edgewright.engines.simavr.source", lambda name: "#include <no_such_library.h>\n")
    assert "apt-get install gcc libc6-dev libsimavr-dev libelf-dev" in simavr.why_not(boards.get("arduino-uno"))


@pytest.mark.parametrize("package", ["ziglang", "unicorn"])
def test_a_missing_package_is_named(package, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else real(name))
    assert f"pip install {package}" in engines.get("unicorn").why_not(boards.get("microbit"))
    with pytest.raises(MissingTool, match=package):
        engines.get("unicorn").build(pair(), "microbit")


def test_an_unknown_compiler_is_refused():
    with pytest.raises(BadInput, match="no compiler 'tcc' for boards without an operating system"):
        engines.get("unicorn").build(pair(), "microbit", "tcc")


def test_a_cache_that_cannot_be_written_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path / "file"))
    with pytest.raises(CannotWrite, match="set EDGEWRIGHT_CACHE"):
        _cache.built(["x"], lambda folder: {})


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))

    def fail(folder):
        (folder / "half").write_text("done")
        raise BoardFault("no")

    with pytest.raises(BoardFault):
        _cache.built(["x"], fail)
    assert list((tmp_path / "builds").iterdir()) == []


def test_old_builds_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(_cache, "KEPT_BUILDS", 3)
    monkeypatch.setattr(_cache, "_SPARED_SECONDS", -1.0)
    folders = [_cache.built([number], lambda folder: {"n": 1})[0] for number in range(5)]
    assert [folder.exists() for folder in folders] == [False, False, True, True, True]
    assert _cache.built([4], lambda folder: pytest.fail("made again"))[1] == {"n": 1}


def test_the_self_test_is_no_part_of_an_image(available):
    toy = pair()
    assert "#error" in toy.files["pair_selftest.c"]
    available("host", "host").build(toy, "host")


def test_two_models_share_one_image(available):
    square = ("square", "RUN { out0[0] = in0[0] * in0[0]; }", (Type((1,), "int8"),), (Type((1,), "int32"),))
    cube = ("cube", "RUN { out0[0] = in0[0] * in0[0] * in0[0]; }", (Type((1,), "int8"),), (Type((1,), "int32"),))
    unicorn = available("unicorn", "microbit")
    image = unicorn.build(program("powers", square, cube), "microbit")
    vectors = np.array([[3, 0, 0, 0], [253, 0, 0, 0]], np.uint8)
    for name, expected in (("square", [9, 9]), ("cube", [27, -27])):
        run = unicorn.run(image, name, vectors)
        assert run.outputs.view("<i4")[:, 0].tolist() == expected
        assert set(run.by_function) == {f"{name}_run"}
