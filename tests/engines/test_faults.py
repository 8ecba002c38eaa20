"""Faults are caught and explained: what happened, where, and what there was room for."""

import importlib

import numpy as np
import pytest
from engine_programs import dense_inputs, nothing, pair, single

from edgewright import boards
from edgewright.engines import pack_inputs
from edgewright.errors import BoardFault

EMULATED = [name for name in boards.names() if boards.get(name).engine == "unicorn"]
RECURSE = (
    "__attribute__((noinline)) static int32_t deep(int32_t d) { volatile int32_t f[8]; f[d & 7] = d; "
    "return d ? deep(d - 1) + f[d & 7] : 0; }\nRUN { out0[0] = deep(INT32_C(100000) + in0[0]); }"
)
WRITE_FLASH = (
    "static const int32_t table[4] = {1, 2, 3, 4};\n"
    "RUN { *(volatile int32_t *)(uintptr_t)&table[in0[0] & 3] = 7; out0[0] = table[1]; }"
)
UNALIGNED = "RUN { out0[0] = *(volatile const int32_t *)(const void *)(in0 + 1); }"
READ_OUTSIDE = "RUN { out0[0] = *(volatile int32_t *)0x60000000 + in0[0]; }"
WRITE_OUTSIDE = "RUN { *(volatile int32_t *)0x20030000 = 3; out0[0] = in0[0]; }"
JUMP = "RUN { ((void (*)(void))0x40000001)(); out0[0] = in0[0]; }"
LOOP = 'RUN { while (in0[0] != 99) __asm__ volatile(""); out0[0] = 1; }'


def word(name, code):
    """A model that holds one instruction given as a number, whatever the compiler thinks the core has."""
    return single(name, f'RUN {{ __asm__ volatile(".inst.w {code}" ::: "r0", "memory"); out0[0] = in0[0]; }}')


UDIV, SMUAD, VADD = "0xfbb0f0f1", "0xfb20f000", "0xee300a00"


@pytest.mark.parametrize("board", EMULATED)
def test_stack_overflow(board, fault):
    said = fault("unicorn", board, single("stacked", RECURSE), nothing())
    ram = boards.get(board).ram_bytes
    assert f"stacked_run faulted on {board} at vector 0: stack overflow" in said
    assert f"of its {ram:,} bytes and {ram - 20:,} were left for the stack" in said
    assert "In deep, at pc" in said


@pytest.mark.parametrize("board", EMULATED)
def test_write_to_flash(board, fault):
    said = fault("unicorn", board, single("flashed", WRITE_FLASH), nothing())
    assert f"write to flash: 4 bytes at {boards.get(board).flash_origin:#010x}"[:-5] in said
    assert "In flashed_run" in said


def test_unaligned_access_faults_where_the_core_lacks_it(fault, available):
    said = fault("unicorn", "microbit", single("skewed", UNALIGNED), nothing())
    assert "unaligned access by 'ldr" in said
    assert "In skewed_run" in said
    unicorn = available("unicorn", "bluepill")
    vectors = np.arange(8, dtype=np.uint8)[None]
    run = unicorn.run(unicorn.build(single("skewed", UNALIGNED), "bluepill"), "skewed", vectors)
    assert run.outputs.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(("code", "name"), [(UDIV, "udiv"), (SMUAD, "smuad"), (VADD, "vadd.f32")])
def test_a_core_traps_on_what_it_lacks(code, name, fault):
    said = fault("unicorn", "microbit", word("unknown", code), nothing())
    assert f"unknown instruction '{name} " in said
    assert "Cortex-M0" in said


@pytest.mark.parametrize("code", [UDIV, SMUAD, VADD])
def test_a_core_executes_what_it_has(code, available):
    unicorn = available("unicorn", "stm32f405")
    unicorn.run(unicorn.build(word("known", code), "stm32f405"), "known", nothing())


@pytest.mark.parametrize(("code", "name"), [(SMUAD, "smuad"), (VADD, "vadd")])
def test_what_the_emulator_of_a_core_lets_pass_is_found_in_the_code(code, name, available):
    with pytest.raises(BoardFault, match=f"{name}.* in unknown_run"):
        available("unicorn", "bluepill").build(word("unknown", code), "bluepill")


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (READ_OUTSIDE, "read of 4 bytes outside memory, at 0x60000000; the RAM is 0x20000000 to 0x2000"),
        (WRITE_OUTSIDE, "write of 4 bytes outside memory, at 0x20030000"),
        (JUMP, "jump to 0x40000000, where there is no code. In code outside the program, called from astray_run"),
        (JUMP.replace("0x40000001", "0x20000101"), "jump to 0x20000100, where there is no code"),
    ],
)
@pytest.mark.parametrize("board", ["microbit", "bluepill"])
def test_access_outside_memory(board, c, words, fault):
    assert words in fault("unicorn", board, single("astray", c), nothing())


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (READ_OUTSIDE, "read of 4 bytes outside memory, at 0x60000000; the RAM is 0x80000000 to 0x80004000"),
        (WRITE_OUTSIDE.replace("0x2003", "0x4003"), "write of 4 bytes outside memory, at 0x40030000"),
        (
            JUMP.replace("0x40000001", "0x40000000"),
            "jump to 0x40000000, where there is no code. In code outside the program, called from astray_run",
        ),
        ('RUN { __asm__ volatile(".word 0x00b57553"); out0[0] = in0[0]; }', "unknown instruction 'fadd.s"),
        ('RUN { __asm__ volatile(".half 0"); out0[0] = in0[0]; }', "unknown instruction"),
        ('RUN { __asm__ volatile("ebreak"); out0[0] = in0[0]; }', "unknown instruction 'c.ebreak'"),
    ],
)
def test_faults_of_riscv(c, words, fault):
    said = fault("unicorn", "hifive1", single("astray", c), nothing())
    assert words in said
    assert "astray_run, at pc" in said or "called from astray_run" in said


@pytest.mark.parametrize("code", ["0x100527af", "0x00b57553"])  # lr.w, fadd.s
def test_what_the_emulated_riscv_has_more_is_found_in_the_code(code, available):
    c = f'RUN {{ if (in0[0] == 99) __asm__ volatile(".insn {code}"); out0[0] = in0[0]; }}'
    with pytest.raises(BoardFault, match=r"(lr\.w|fadd\.s).* in more_run"):
        available("unicorn", "esp32c3").build(single("more", c), "esp32c3")


def test_the_vector_that_faulted_is_named(fault):
    c = 'RUN { if (in0[0] == 5) __asm__ volatile(".short 0xde01"); out0[0] = in0[0]; }'
    vectors = np.repeat(np.arange(9, dtype=np.uint8)[:, None], 8, axis=1)
    assert "at vector 5: unknown instruction" in fault("unicorn", "microbit", single("fifth", c), vectors)


@pytest.mark.parametrize(("engine", "board"), [("unicorn", "microbit"), ("simavr", "arduino-uno")])
def test_endless_loop(engine, board, fault, monkeypatch):
    module = importlib.import_module(f"edgewright.engines.{engine}")
    monkeypatch.setattr(module, "RUN_INSTRUCTIONS", 100_000)
    said = fault(engine, board, single("endless", LOOP), nothing())
    assert "did not return within 100,000 instructions" in said
    assert "In endless_run" in said


def test_after_a_fault_the_engine_works(fault, available):
    fault("unicorn", "microbit", single("skewed", UNALIGNED), nothing())
    unicorn = available("unicorn", "microbit")
    run = unicorn.run(unicorn.build(single("good", "RUN { out0[0] = in0[0] + 1; }"), "microbit"), "good", nothing())
    assert run.outputs.tolist() == [[1, 0, 0, 0]] * 2


def test_a_worker_that_died_is_replaced(available):
    unicorn, toy = available("unicorn", "microbit"), pair()
    image = unicorn.build(toy, "microbit")
    vectors = pack_inputs(toy.entries[0], dense_inputs(3))
    first = unicorn.run(image, "dense", vectors)
    worker = importlib.import_module("edgewright.engines.unicorn")._worker
    worker.process.kill()
    worker.process.wait()
    np.testing.assert_array_equal(unicorn.run(image, "dense", vectors).outputs, first.outputs)


def test_a_worker_that_dies_at_work_is_reported(available, monkeypatch):
    unicorn, toy = available("unicorn", "microbit"), pair()
    image = unicorn.build(toy, "microbit")
    module = importlib.import_module("edgewright.engines.unicorn")
    monkeypatch.setattr(module, "_board", lambda name: {"cpu": "NO_SUCH_CPU", "flash": [0, 4096], "ram": [8192, 4096]})
    with pytest.raises(BoardFault, match="ended unexpectedly with status"):
        unicorn.run(image, "dense", pack_inputs(toy.entries[0], dense_inputs(3)))


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (UNALIGNED, "the processor faulted in bad_run, at pc"),
        (READ_OUTSIDE, "the processor faulted in bad_run, at pc"),
        (RECURSE, "the stack pointer was outside RAM"),
    ],
)
def test_qemu_says_where(c, words, fault):
    assert words in fault("qemu", "microbit", single("bad", c), nothing())


@pytest.mark.parametrize("c", [READ_OUTSIDE, 'RUN { __asm__ volatile(".word 0x00b57553"); out0[0] = in0[0]; }'])
def test_qemu_says_where_on_riscv(c, fault):
    assert "the processor faulted in bad_run, at pc" in fault("qemu", "hifive1", single("bad", c), nothing())


def test_avr_stack_overflow_is_noticed(fault):
    said = fault("simavr", "arduino-uno", single("stacked", RECURSE), nothing())
    assert "stacked_run faulted on arduino-uno at vector 0: stack overflow" in said
    assert "of the 2,048 bytes of RAM and left 2,0" in said
    assert "In deep" in said


@pytest.mark.parametrize(
    ("c", "words"),
    [
        ("RUN { *(volatile int32_t *)0x1000 = 3; out0[0] = in0[0]; }", "Invalid write address"),
        ("RUN { ((void (*)(void))0x7f00)(); out0[0] = in0[0]; }", "the processor crashed"),
    ],
)
def test_avr_crash(c, words, fault):
    said = fault("simavr", "arduino-uno", single("crashing", c), nothing())
    assert words in said
    assert "\x1b" not in said


def test_host_crash_leaves_this_process_alive(fault):
    said = fault(
        "host",
        "host",
        single("crashing", "RUN { *(volatile int32_t *)(uintptr_t)in0[0] = 3; out0[0] = 1; }"),
        nothing(),
    )
    assert "crashing_run failed on the host" in said
    assert "SIGSEGV" in said


@pytest.mark.parametrize(
    ("c", "words"),
    [
        ("RUN { out0[0] = INT32_MAX + in0[0] + 1; }", "signed integer overflow"),
        ("RUN { out0[0] = 1 << (in0[0] + 33); }", "shift exponent 33"),
        ("RUN { out0[0] = in0[8 + in0[0]]; }", "heap-buffer-overflow"),
        ("RUN { out0[1 + in0[0]] = 1; }", "heap-buffer-overflow"),
        ("static int32_t a[3];\nRUN { a[in0[0] + 3] = 1; out0[0] = a[in0[0]]; }", "out of bounds"),
    ],
)
def test_sanitizers_find_undefined_behaviour(c, words, available):
    host = available("host", "host", sanitize=True)
    bad = single("bad", c)
    with pytest.raises(BoardFault, match=words):
        host.run(host.build(bad, "host", sanitize=True), "bad", nothing())


def test_sanitized_programs_compute_the_same(available):
    host, toy = available("host", "host", sanitize=True), pair()
    vectors = pack_inputs(toy.entries[0], dense_inputs(50))
    runs = [host.run(host.build(toy, "host", sanitize=choice), "dense", vectors) for choice in (False, True)]
    np.testing.assert_array_equal(runs[0].outputs, runs[1].outputs)
