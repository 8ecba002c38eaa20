"""AVR with hardware multiplication and 32 KB of flash: ATmega328P."""

from edgewright.boards import Core

ENTRY = Core(
    doc="AVR (ATmega328P): 8 bits, multiplies 8 by 8, reads constants in flash by an instruction of its own.",
    instruction_set="avr",
    zig=None,
    gcc=("avr-gcc", "-mmcu=atmega328p"),
    unicorn=None,
    features=frozenset({"avr"}),
    helpers=(
        r"__(u|us|s|su)?mul[qhsd]i[hsd]i3",
        r"__mul(s|u|su|oh)[hsd]i[hsd]i3",  # a signed, unsigned or mixed operand of 16 bits times one of 32
        r"__mul[qhsd]i3",
        r"__u?muldi3_\d",
        r"__u?div(mod)?[qhsd]i[34]",
        r"__u?mod[hsd]i3",
        r"__(ashl|ashr|lshr|rotl|add|sub)[sd]i3",
        r"__(add|sub|cmp)di[23]_s8",
        r"__neg[sd]i2",
        r"__u?cmpdi2",
        r"__tablejump2?__",
        r"__(prologue_saves|epilogue_restores)__",
        r"__do_(copy_data|clear_bss)",
        r"__(SREG|SP_H|SP_L|zero_reg|tmp_reg)__",
    ),
)
