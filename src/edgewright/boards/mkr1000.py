"""Arduino MKR1000."""

from edgewright.boards import Board

ENTRY = Board(
    doc="Arduino MKR1000: SAMD21, Cortex-M0+ at 48 MHz, 256 KB flash less 8 KB of bootloader, 32 KB RAM.",
    core="cortex_m0plus",
    flash_bytes=256 * 1024,
    ram_bytes=32 * 1024,
    flash_origin=0x0000_0000,
    ram_origin=0x2000_0000,
    clock_hz=48_000_000,
    engine="unicorn",
    bootloader_bytes=8 * 1024,
    fqbn="arduino:samd:mkr1000",
)
