"""Arm Cortex-M3."""

from edgewright.boards import Core

ENTRY = Core(
    doc="Arm Cortex-M3 (Armv7-M): 32 bits, division, wide multiplication; no DSP instructions, no floating point.",
    zig=("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"),
    unicorn="CORTEX_M3",
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
    # The DSP extension of Armv7E-M, which emulators of this core execute although it lacks them.
    forbidden=(
        r"[su]ml[as]l?[bt]{2}", r"sml[as]w[bt]", r"smul[bt]{2}", r"smulw[bt]", r"smla[ds]x?", r"sml[as]ld?x?d?x?",
        r"smu[as]dx?", r"smm(la|ls|ul)r?", r"umaal", r"[su]xt[ab]+16", r"[su]xta[bh]",
        r"(s|u|q|sh|uh|uq)(add|sub)(8|16)", r"(s|u|q|sh|uh|uq)(asx|sax)", r"q(d)?(add|sub)", r"[su]sat16", r"usada?8",
        r"pkh(bt|tb)", r"sel",
    ),
)  # fmt: skip
