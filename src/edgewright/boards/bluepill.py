"""The "Blue Pill"."""

from edgewright.boards import Board

ENTRY = Board(
    doc="Blue Pill: STM32F103C8, Cortex-M3 at 72 MHz, 64 KB flash, 20 KB RAM.",
    core="cortex_m3",
    flash_bytes=64 * 1024,
    ram_bytes=20 * 1024,
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
    clock_hz=72_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="mps2-an385",
    machine_origins=(0x0000_0000, 0x2000_0000),
    machine_clock_hz=25_000_000,
    fqbn="STMicroelectronics:stm32:GenF1:pnum=BLUEPILL_F103C8",
)
