"""STM32H743, as on the Nucleo-H743ZI."""

from edgewright.boards import Board

ENTRY = Board(
    doc="STM32H743: Cortex-M7 at 480 MHz, 2 MB flash, 512 KB RAM (the AXI memory; 544 KB of others are left alone).",
    core="cortex_m7",
    flash_bytes=2 * 1024 * 1024,
    ram_bytes=512 * 1024,
    flash_origin=0x0800_0000,
    ram_origin=0x2400_0000,
    clock_hz=480_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="mps2-an500",
    machine_origins=(0x0000_0000, 0x2000_0000),
    machine_clock_hz=25_000_000,
    fqbn="STMicroelectronics:stm32:Nucleo_144:pnum=NUCLEO_H743ZI2",
)
