"""BBC micro:bit, version 1."""

from edgewright.boards import Board

ENTRY = Board(
    doc="BBC micro:bit v1: nRF51822, Cortex-M0 at 16 MHz, 256 KB flash, 16 KB RAM.",
    core="cortex_m0",
    flash_bytes=256 * 1024,
    ram_bytes=16 * 1024,
    flash_origin=0x0000_0000,
    ram_origin=0x2000_0000,
    clock_hz=16_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="microbit",
    fqbn="sandeepmistry:nRF5:BBCmicrobit",
)
