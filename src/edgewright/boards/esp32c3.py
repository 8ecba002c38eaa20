"""ESP32-C3, as on Espressif's ESP32-C3-DevKitM-1."""

from edgewright.boards import Board

ENTRY = Board(
    doc="ESP32-C3: RV32IMC at 160 MHz, 4 MB flash, 384 KB RAM (16 KB more are the cache).",
    core="rv32imc",
    flash_bytes=4 * 1024 * 1024,
    ram_bytes=384 * 1024,
    flash_origin=0x4200_0000,
    ram_origin=0x3FC8_0000,
    clock_hz=160_000_000,
    engine="unicorn",
    second_opinion="qemu",
    machine="virt",
    machine_origins=(0x8000_0000, 0x8080_0000),
    fqbn="esp32:esp32:esp32c3",
)
