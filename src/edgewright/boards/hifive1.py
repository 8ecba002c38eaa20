"""SiFive HiFive1, revision B."""

from edgewright.boards import Board

ENTRY = Board(
    doc="SiFive HiFive1 rev B: FE310-G002, RV32IMAC at 320 MHz, 4 MB flash less 64 KB of bootloader, 16 KB RAM.",
    core="rv32imc",
    flash_bytes=4 * 1024 * 1024 - 64 * 1024,  # the bootloader has the 64 KB before the origin
    ram_bytes=16 * 1024,
    flash_origin=0x2001_0000,
    ram_origin=0x8000_0000,
    clock_hz=320_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="sifive_e,revb=true",
)
