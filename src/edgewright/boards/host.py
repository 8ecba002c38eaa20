"""The computer that this runs on."""

from edgewright.boards import Board

ENTRY = Board(
    doc="This computer: the fastest way to run a program. Its memory is a nominal 1 GiB of each kind; its clock is not known.",
    core="host",
    flash_bytes=1 << 30,
    ram_bytes=1 << 30,
    flash_origin=0,
    ram_origin=0,
    clock_hz=None,
    engine="host",
)
