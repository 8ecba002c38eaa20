"""The processor that this runs on."""

from edgewright.boards import Core

ENTRY = Core(
    doc="The processor of this computer.",
    instruction_set="host",
    zig=(),
    gcc=("cc",),
    unicorn=None,
    helpers=(),
)
