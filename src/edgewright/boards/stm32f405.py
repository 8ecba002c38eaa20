"""STM32F405, as on the Netduino Plus 2, the Feather STM32F405 and the pyboard."""

from edgewright.boards import Board

ENTRY = Board(
    doc="STM32F405: Cortex-M4F at 168 MHz, 1 MB flash, 128 KB RAM (the 64 KB of core-coupled memory are left alone).",
    core="cortex_m4f",
    flash_bytes=1024 * 1024,
    ram_bytes=128 * 1024,
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
    clock_hz=168_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="netduinoplus2",
    fqbn="STMicroelectronics:stm32:GenF4:pnum=FEATHER_F405",
)
