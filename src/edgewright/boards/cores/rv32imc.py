"""RISC-V RV32IMC."""

from edgewright.boards import Core

ENTRY = Core(
    doc="RISC-V RV32IMC: 32 bits, multiplication and division, instructions of 16 and 32 bits.",
    instruction_set="riscv",
    zig=("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c+zicsr", "-mabi=ilp32"),
    gcc=("riscv64-unknown-elf-gcc", "-march=rv32imc_zicsr", "-mabi=ilp32"),
    unicorn="RISCV32_SIFIVE_E31",
    features=frozenset({"packed"}),
    helpers=(r"__(mul|ashl|lshr|ashr|neg|u?div|u?mod|u?cmp)di[23]", r"__clz[sd]i2"),
    # The emulated processor has the atomic instructions too, which not every core of this kind has.
    forbidden=(r"(lr|sc|amo\w+)\.[wd](\.\w+)?",),
)
