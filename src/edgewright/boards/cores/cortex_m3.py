"""Arm Cortex-M3."""

from edgewright.boards import Core, Cycles

ENTRY = Core(
    doc="Arm Cortex-M3 (Armv7-M): 32 bits, division, wide multiplication; no DSP instructions, no floating point.",
    instruction_set="thumb",
    zig=("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3"),
    gcc=("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"),
    unicorn="CORTEX_M3",
    features=frozenset({"packed"}),
    helpers=(r"__aeabi_u?ldivmod", r"__aeabi_mem(cpy|set|clr)[48]?"),
    # The DSP extension of Armv7E-M, which emulators of this core execute although it lacks them.
    forbidden=(
        r"sml[as]l?dx?", r"smu[as]dx?", r"smm(la|ls|ul)r?",
        r"smlal?[bt][bt]", r"smlaw[bt]", r"smul[bt][bt]", r"smulw[bt]", r"umaal",
        r"[su]xta(b|b16|h)", r"[su]xtb16", r"[su]sat16", r"usada?8", r"pkh(bt|tb)", r"sel", r"qd?(add|sub)",
        r"(s|u|q|sh|uh|uq)(add8|add16|sub8|sub16|asx|sax)",
    ),
    cycles=Cycles(
        of=((r"ldr|ldm|stm|push|pop", 2), (r"ml[as]\b", 2), (r"[su]mull", 4), (r"[su]mlal", 5), (r"[su]div", 7)),
        each_register=1,
        taken=2,
        source="Arm 100165, table 3-1: a division 2 to 12, a long multiplication 3 to 7, a refill of the pipeline 1 to 3 cycles",
    ),
)  # fmt: skip
