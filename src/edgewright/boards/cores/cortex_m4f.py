"""Arm Cortex-M4 with its floating-point unit."""

from edgewright.boards import Core

ENTRY = Core(
    doc="Arm Cortex-M4F (Armv7E-M): 32 bits, DSP instructions, single-precision floating point (which models do not use).",
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    unicorn="CORTEX_M4",
    features=frozenset({"dsp"}),
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
)
