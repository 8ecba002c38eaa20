"""Arm Cortex-M7 with its floating-point unit of double precision."""

from edgewright.boards import Core

ENTRY = Core(
    doc="Arm Cortex-M7 (Armv7E-M): 32 bits, two instructions at a time, DSP instructions, floating point (which models do not use).",
    instruction_set="thumb",
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7+fp_armv8d16"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    unicorn="CORTEX_M7",
    features=frozenset({"dsp"}),
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
)
