"""Arduino Nano 33 BLE."""

from edgewright.boards import Board

ENTRY = Board(
    doc="Arduino Nano 33 BLE: nRF52840, Cortex-M4F at 64 MHz, 1 MB flash less 64 KB of bootloader, 256 KB RAM.",
    core="cortex_m4f",
    flash_bytes=1024 * 1024,
    ram_bytes=256 * 1024,
    flash_origin=0x0000_0000,
    ram_origin=0x2000_0000,
    clock_hz=64_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="mps2-an386",
    machine_clock_hz=25_000_000,
    bootloader_bytes=64 * 1024,
    fqbn="arduino:mbed_nano:nano33ble",
)
