"""Arm Cortex-M4 with its floating-point unit."""

from edgewright.boards import Core, Cycles

ENTRY = Core(
    doc="Arm Cortex-M4F (Armv7E-M): 32 bits, DSP instructions, single-precision floating point (which models do not use).",
    instruction_set="thumb",
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    unicorn="CORTEX_M4",
    features=frozenset({"dsp"}),
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
    cycles=Cycles(
        of=((r"ldr|ldm|stm|push|pop", 2), (r"[su]div", 7)),
        each_register=1,
        taken=2,
        source="Arm 100166, table 3-1: a division 2 to 12, a refill of the pipeline 1 to 3 cycles, loads in a row as if alone",
    ),
)
