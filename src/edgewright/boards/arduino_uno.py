"""Arduino Uno."""

from edgewright.boards import Board

ENTRY = Board(
    doc="Arduino Uno: ATmega328P at 16 MHz, 32 KB flash less 512 bytes of bootloader, 2 KB RAM.",
    core="avr",
    flash_bytes=32 * 1024,
    ram_bytes=2 * 1024,
    flash_origin=0x0000,
    ram_origin=0x0100,
    clock_hz=16_000_000,
    engine="simavr",
    machine="atmega328p",
    bootloader_bytes=512,
    fqbn="arduino:avr:uno",
)
