"""Instructions, cycles and stack are exact: checked on machine code of known length and against a second emulator."""

import numpy as np
import pytest
from engine_programs import dense_inputs, nothing, pair, single

from edgewright import boards
from edgewright.engines import objects, pack_inputs

EMULATED = [name for name in boards.names() if boards.get(name).engine == "unicorn"]
CORTEX = [name for name in EMULATED if boards.get(name).cpu.instruction_set == "thumb"]
RISCV = [name for name in EMULATED if boards.get(name).cpu.instruction_set == "riscv"]
SECOND = [name for name in EMULATED if boards.get(name).second_opinion == "qemu"]
CONDITIONS = [name for name in CORTEX if boards.get(name).core not in ("cortex_m0", "cortex_m0plus")]


def assembly(name, *lines):
    """A model that is machine code and nothing else."""
    text = "\\n\\t".join([f".globl {name}_run", f".type {name}_run, %function", f"{name}_run:", *lines])
    size = f"\\n\\t.size {name}_run, .-{name}_run"
    return single(name, f'void {name}_run_is_below(void);\n__asm__(".text\\n\\t{text}{size}");')


@pytest.mark.parametrize("board", CORTEX)
def test_instructions_from_entry_to_return(board, available):
    unicorn = available("unicorn", board)
    code = assembly("known", ".thumb_func", "push {r4, lr}", "nop", "nop", "pop {r4, pc}")
    run = unicorn.run(unicorn.build(code, board), "known", nothing(3))
    assert run.instructions.tolist() == [4, 4, 4]
    assert run.stack_bytes == 8
    assert run.by_function == {"known_run": 12}


@pytest.mark.parametrize("board", CORTEX)
def test_a_loop_to_the_entry_is_one_run(board, available):
    unicorn = available("unicorn", board)
    code = assembly("loop", ".thumb_func", "lsrs r1, r1, #1", "bne loop_run", "bx lr")
    run = unicorn.run(unicorn.build(code, board), "loop", nothing(2))
    assert run.instructions.tolist() == [61, 61]  # the address of the output, 0x2......., has 30 bits


@pytest.mark.parametrize("board", RISCV)
def test_riscv_instructions_of_either_length_count(board, available):
    unicorn = available("unicorn", board)
    code = assembly(
        "known", "addi sp, sp, -16", "sw ra, 12(sp)", "lui a5, 0x12345", "add a5, a5, a0", "addi sp, sp, 16", "ret"
    )
    image = unicorn.build(code, board)
    (function,) = objects.functions(image.path.with_name(objects.MODEL_ELF))
    assert function.nbytes == 2 + 2 + 4 + 2 + 2 + 2
    run = unicorn.run(image, "known", nothing(3))
    assert run.instructions.tolist() == [6, 6, 6]
    assert run.stack_bytes == 4  # the lowest word that is written, not the lowest place of the stack pointer
    assert run.by_function == {"known_run": 18}


@pytest.mark.parametrize("board", CONDITIONS)
def test_a_store_under_a_condition_leads_nowhere_else(board, available):
    unicorn = available("unicorn", board)
    code = assembly(
        "store", ".thumb_func", "push {r4, lr}", "movs r2, #3", "0: cmp r2, #1", "ittt hi", "subhi r2, #1",
        "strhi r2, [r1]", "cmphi r2, #1", "bne 0b", "bl 1f", "pop {r4, pc}", "1: movs r3, #9", "str r3, [r1]", "bx lr",
    )  # fmt: skip
    run = unicorn.run(unicorn.build(code, board), "store", nothing(2))
    assert run.outputs[:, 0].tolist() == [9, 9]
    assert run.instructions.tolist() == [19, 19]


@pytest.mark.parametrize("board", CONDITIONS)
def test_an_instruction_whose_condition_fails_counts(board, available):
    unicorn = available("unicorn", board)
    code = assembly("it", ".thumb_func", "cmp r0, r0", "it ne", "movne r2, #1", "bx lr")
    run = unicorn.run(unicorn.build(code, board), "it", nothing(1))
    assert run.instructions.tolist() == [4]


@pytest.mark.parametrize("board", EMULATED)
def test_stack_is_the_deepest_of_all_runs(board, available):
    unicorn = available("unicorn", board)
    deep = single(
        "deep",
        "__attribute__((noinline)) static int32_t down(int32_t d) { volatile int32_t f[8]; f[d & 7] = d; "
        "return d ? down(d - 1) + f[d & 7] : 0; }\nRUN { out0[0] = down(in0[0]); }",
    )
    image = unicorn.build(deep, board)
    stacks = [unicorn.run(image, "deep", np.array(rows, np.uint8)).stack_bytes
              for rows in ([8 * [1]], [8 * [2]], [8 * [9]], [8 * [1], 8 * [9], 8 * [2]])]  # fmt: skip
    frame = stacks[1] - stacks[0]
    assert 36 <= frame <= 64
    assert stacks[2] == stacks[0] + 8 * frame == stacks[3]


@pytest.mark.parametrize(("board", "engine"), [*((name, "unicorn") for name in EMULATED), ("arduino-uno", "simavr")])
def test_functions_add_up(board, engine, available):
    chosen, toy = available(engine, board), pair()
    run = chosen.run(chosen.build(toy, board), "dense", pack_inputs(toy.entries[0], dense_inputs(20)))
    assert sum(run.by_function.values()) == run.instructions.sum()
    assert run.by_function["dense_row"] > run.by_function["dense_run"]
    again = chosen.run(chosen.build(toy, board), "dense", pack_inputs(toy.entries[0], dense_inputs(20)))
    np.testing.assert_array_equal(run.instructions, again.instructions)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("board", SECOND)
def test_qemu_counts_the_same_but_for_a_constant(board, compiler, available):
    qemu, unicorn = available("qemu", board, compiler=compiler), available("unicorn", board, compiler=compiler)
    toy = pair()
    image = qemu.build(toy, board, compiler)
    own = unicorn.build(toy, board, compiler)
    assert (image.path == own.path) == (boards.get(board).machine_origins is None)
    constants = []
    for count in (50, 400):
        vectors = pack_inputs(toy.entries[0], dense_inputs(count, seed=count))
        second, first = qemu.run(image, "dense", vectors), unicorn.run(own, "dense", vectors)
        np.testing.assert_array_equal(second.outputs, first.outputs)
        difference = second.timer_instructions - first.instructions
        assert difference.max() - difference.min() <= 1  # the timer's last tick
        constants.append(difference.mean())
        assert second.instructions is None
    assert constants[0] == pytest.approx(constants[1], abs=0.5)
    assert 2 <= constants[0] < 40


def calls(name, body):
    """A model that makes calls in its body; twice(x) and thrice(x) are functions of known length."""
    functions = "".join(
        f"__attribute__((noinline)) static int32_t {word}(int32_t x) {{ for (int32_t k = 0; k < {count}; k++) "
        '__asm__ volatile("nop"); return x; }\n'
        for word, count in (("few", 10), ("many", 1000))
    )
    return single(name, functions + f"RUN {{ int32_t x = in0[0];\n{body}\nout0[0] = x + 1; }}")


@pytest.mark.parametrize(
    ("board", "engine"), [("microbit", "unicorn"), ("hifive1", "unicorn"), ("arduino-uno", "simavr")]
)
def test_instructions_are_told_apart_by_call(board, engine, available):
    chosen = available(engine, board)
    code = calls(
        "called",
        'x += few(x); x += many(x); for (int k = 0; k < 40; k++) { x += few(x); __asm__ volatile("" : "+r"(k)); }',
    )
    run = chosen.run(chosen.build(code, board), "called", nothing(4))
    assert sum(count for _, count in run.by_call) == run.instructions.sum()
    assert [name for name, _ in run.by_call] == ["few", "many", "few"]
    first, second, looped = (count / 4 for _, count in run.by_call)
    assert 10 < first < 100
    assert 1000 < second < 8000
    assert 40 * 10 < looped < 40 * 100


def test_a_call_in_the_tail_is_a_call_of_its_own(available):
    unicorn = available("unicorn", "bluepill")
    code = assembly("tail", ".thumb_func", "push {r4, lr}", "bl 1f", "pop {r4, lr}", "b.w 2f", "nop", ".size tail_run, .-tail_run",
                    ".type one, %function", ".thumb_func", "one: 1: bx lr", ".size one, .-one",
                    ".type two, %function", ".thumb_func", "two: 2: nop", "bx lr", ".size two, .-two")  # fmt: skip
    run = unicorn.run(unicorn.build(code, "bluepill"), "tail", nothing(2))
    assert run.instructions.tolist() == [7, 7]
    assert run.by_call == (("one", 2 * 3), ("two", 2 * 4))


@pytest.mark.parametrize(
    ("board", "cycles"),
    [
        ("microbit", 3 + 1 + 3 * (1 + 3) - 2 + 2 + 6),
        ("mkr1000", 3 + 1 + 3 * (1 + 2) - 1 + 2 + 5),
        ("stm32f405", 3 + 1 + 3 * (1 + 3) - 2 + 2 + 5),
    ],
)
def test_cycles_are_estimated_by_the_table(board, cycles, available):
    unicorn = available("unicorn", board)
    code = assembly(
        "timed",
        ".thumb_func",
        "push {r4, lr}",
        "movs r2, #3",
        "0: subs r2, #1",
        "bne 0b",
        "ldr r3, [r0]",
        "pop {r4, pc}",
    )
    run = unicorn.run(unicorn.build(code, board), "timed", nothing(5))
    assert run.cycles_estimated.tolist() == 5 * [cycles]


def test_cycles_are_unknown_where_nobody_says_them(available):
    unicorn = available("unicorn", "hifive1")
    assert unicorn.run(unicorn.build(assembly("short", "ret"), "hifive1"), "short", nothing(1)).cycles_estimated is None


def test_qemu_says_when_its_timer_wrapped(available):
    qemu = available("qemu", "microbit")
    loop = 'RUN { for (uint32_t k = 0; k < 9000000; k++) __asm__ volatile(""); out0[0] = in0[0]; }'
    run = qemu.run(qemu.build(single("long", loop), "microbit"), "long", nothing(1))
    assert run.timer_instructions is None
    assert run.outputs.tolist() == [[0, 0, 0, 0]]


def test_two_compilers_agree_on_the_outputs(available):
    unicorn, toy = available("unicorn", "bluepill", compiler="gcc"), pair()
    vectors = pack_inputs(toy.entries[0], dense_inputs(50))
    runs = [unicorn.run(unicorn.build(toy, "bluepill", name), "dense", vectors) for name in ("zig", "gcc")]
    np.testing.assert_array_equal(runs[0].outputs, runs[1].outputs)


def test_avr_cycles_and_stack_are_exact(available):
    simavr = available("simavr", "arduino-uno")
    code = assembly("known", "push r28", "nop", "rcall 1f", "pop r28", "ret", "1: ret")
    run = simavr.run(simavr.build(code, "arduino-uno"), "known", nothing(2))
    assert run.instructions.tolist() == [6, 6]
    assert run.cycles.tolist() == [2 + 1 + 3 + 4 + 2 + 4] * 2
    assert run.stack_bytes == 2 + 1 + 2  # two return addresses and a register


def test_avr_stack_is_not_read_between_its_two_halves(available):
    simavr = available("simavr", "arduino-uno")
    frame = 100  # eight of them cross several 256-byte pages, where the two halves change at different times
    c = (
        f"__attribute__((noinline)) static int32_t down(int32_t d) {{ volatile int8_t f[{frame}]; f[d] = (int8_t)d; "
        "return d ? down(d - 1) + f[d] : 0; }\nRUN { out0[0] = down(in0[0]); }"
    )
    image = simavr.build(single("down", c), "arduino-uno")
    stacks = [simavr.run(image, "down", np.full((1, 8), depth, np.uint8)).stack_bytes for depth in range(8)]
    assert len(set(np.diff(stacks))) == 1
    assert frame <= stacks[1] - stacks[0] < frame + 20


def test_disassembly_finds_the_instructions(available):
    unicorn = available("unicorn", "microbit")
    image = unicorn.build(assembly("known", ".thumb_func", "nop", "bx lr"), "microbit")
    (function,) = objects.functions(image.path.with_name(objects.MODEL_ELF))
    found = {address: text for address, *text in objects.instructions(image.path.with_name(objects.MODEL_ELF))}
    assert [found[function.address], found[function.address + 2]] == [["nop", ""], ["bx", "lr"]]
