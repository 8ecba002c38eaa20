"""Arm Cortex-M0."""

from edgewright.boards import Core, Cycles

ENTRY = Core(
    doc="Arm Cortex-M0 (Armv6-M): 32 bits, no division, no wide multiplication, no unaligned access.",
    instruction_set="thumb",
    zig=("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"),
    unicorn="CORTEX_M0",
    features=frozenset({"thumb1"}),
    helpers=(
        r"__aeabi_u?idiv(mod)?",
        r"__aeabi_u?ldivmod",
        r"__aeabi_(lmul|llsl|llsr|lasr|lcmp|ulcmp)",
        r"__aeabi_mem(cpy|set|clr)[48]?",
        r"__gnu_thumb1_case_[us]?(qi|hi|si)",
    ),
    cycles=Cycles(
        of=((r"pop .*pc", 3), (r"ldr|str|ldm|stm|push|pop", 2), (r"bl ", 2)),
        each_register=1,
        taken=2,
        source="Arm DDI 0432C, table 3-1, with the multiplier of one cycle",
    ),
)
