"""Instructions, cycles and stack are exact: checked on machine code of known length and against a second emulator."""

import numpy as np
import pytest
from engine_programs import dense_inputs, nothing, pair, single

from edgewright.engines import objects, pack_inputs

CORTEX = ["microbit", "bluepill", "stm32f405"]


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
    assert run.instructions.tolist() == [61, 61]  # the address of the output, 0x2000...., has 30 bits


@pytest.mark.parametrize("board", ["bluepill", "stm32f405"])
def test_an_instruction_whose_condition_fails_counts(board, available):
    unicorn = available("unicorn", board)
    code = assembly("it", ".thumb_func", "cmp r0, r0", "it ne", "movne r2, #1", "bx lr")
    run = unicorn.run(unicorn.build(code, board), "it", nothing(1))
    assert run.instructions.tolist() == [4]


@pytest.mark.parametrize("board", CORTEX)
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


@pytest.mark.parametrize(
    ("board", "engine"), [("microbit", "unicorn"), ("stm32f405", "unicorn"), ("arduino-uno", "simavr")]
)
def test_functions_add_up(board, engine, available):
    chosen, toy = available(engine, board), pair()
    run = chosen.run(chosen.build(toy, board), "dense", pack_inputs(toy.entries[0], dense_inputs(20)))
    assert sum(run.by_function.values()) == run.instructions.sum()
    assert run.by_function["dense_row"] > run.by_function["dense_run"]
    again = chosen.run(chosen.build(toy, board), "dense", pack_inputs(toy.entries[0], dense_inputs(20)))
    np.testing.assert_array_equal(run.instructions, again.instructions)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("board", ["microbit", "stm32f405"])
def test_qemu_counts_the_same_but_for_a_constant(board, compiler, available):
    qemu, unicorn = available("qemu", board, compiler=compiler), available("unicorn", board, compiler=compiler)
    toy = pair()
    image = qemu.build(toy, board, compiler)
    assert image.path == unicorn.build(toy, board, compiler).path
    constants = []
    for count in (50, 400):
        vectors = pack_inputs(toy.entries[0], dense_inputs(count, seed=count))
        second, first = qemu.run(image, "dense", vectors), unicorn.run(image, "dense", vectors)
        np.testing.assert_array_equal(second.outputs, first.outputs)
        difference = second.timer_instructions - first.instructions
        assert difference.max() - difference.min() <= 1  # the timer's last tick
        constants.append(difference.mean())
        assert second.instructions is None
    assert constants[0] == pytest.approx(constants[1], abs=0.5)
    assert 5 < constants[0] < 40


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
    found = dict(objects.instructions(image.path.with_name(objects.MODEL_ELF)))
    assert [found[function.address], found[function.address + 2]] == ["nop", "bx"]
