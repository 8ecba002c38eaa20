"""What the engines must know of an instruction set of boards without an operating system."""

from __future__ import annotations

from dataclasses import dataclass

from edgewright.errors import UnknownName


@dataclass(frozen=True)
class InstructionSet:
    """An instruction set that the unicorn engine runs.

    startup: C from reset to the harness. access: C header with the call of semihosting and the clock of the harness. gcc_package,
    qemu, qemu_package: what apt-get brings. has_counter: its clock counts instructions, and is not a timer. architecture: the word
    by which the worker process knows it.
    """

    startup: str
    access: str
    gcc_package: str
    qemu: str
    qemu_package: str
    has_counter: bool
    architecture: str


_KNOWN = {
    "thumb": InstructionSet(
        startup="_cortex_m_startup.c",
        access="_cortex_m_access.h",
        gcc_package="gcc-arm-none-eabi",
        qemu="qemu-system-arm",
        qemu_package="qemu-system-arm",
        has_counter=False,
        architecture="arm",
    ),
    "riscv": InstructionSet(
        startup="_riscv_startup.c",
        access="_riscv_access.h",
        gcc_package="gcc-riscv64-unknown-elf",
        qemu="qemu-system-riscv32",
        qemu_package="qemu-system-misc",
        has_counter=True,
        architecture="riscv",
    ),
}


def get(name: str) -> InstructionSet:
    """Return an instruction set by `Core.instruction_set`. Raises UnknownName."""
    if name not in _KNOWN:
        raise UnknownName("instruction set without an operating system", name, _KNOWN)
    return _KNOWN[name]
