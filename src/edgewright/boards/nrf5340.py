"""nRF5340, the application core, as on Nordic's nRF5340 DK."""

from edgewright.boards import Board

ENTRY = Board(
    doc="nRF5340 (application core): Cortex-M33 at 128 MHz, 1 MB flash, 512 KB RAM.",
    core="cortex_m33",
    flash_bytes=1024 * 1024,
    ram_bytes=512 * 1024,
    flash_origin=0x0000_0000,
    ram_origin=0x2000_0000,
    clock_hz=128_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="mps2-an505",
    machine_origins=(0x1000_0000, 0x3800_0000),
    machine_clock_hz=20_000_000,
)
