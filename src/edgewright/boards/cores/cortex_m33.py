"""Arm Cortex-M33 with the DSP extension and its floating-point unit."""

from edgewright.boards import Core

ENTRY = Core(
    doc="Arm Cortex-M33 (Armv8-M Mainline): 32 bits, DSP instructions, single-precision floating point (which models do not use).",
    instruction_set="thumb",
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m33+dsp+fp_armv8d16sp"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    unicorn="CORTEX_M33",
    features=frozenset({"dsp"}),
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
)
