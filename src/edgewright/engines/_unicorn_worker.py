# SPDX-License-Identifier: MIT
"""Runs images in unicorn, in a process of its own: `python -P _unicorn_worker.py`, requests on stdin, answers on stdout.

A message is a little-endian uint32 with the length of a JSON object, that object, and the bytes of the blobs whose lengths its
"blobs" lists. A request names the CPU, memory, segments, functions, the function to count, where the harness exchanges vectors for
outputs, and the cycles of instructions; its blobs are the vectors file and the segments. An answer holds counts, text, exit status
and perhaps a fault; its blobs are the outputs file, the instructions of each run and its cycles as uint64.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import struct
import sys
from typing import Any, BinaryIO

# This folder holds a module with the name of the emulator's package, which must not hide it.
sys.path[:] = [
    folder for folder in sys.path if os.path.abspath(folder or ".") != os.path.dirname(os.path.abspath(__file__))
]

unicorn: Any = importlib.import_module("unicorn")
arm: Any = importlib.import_module("unicorn.arm_const")
riscv: Any = importlib.import_module("unicorn.riscv_const")
uclib: Any = importlib.import_module("unicorn.unicorn_py3.unicorn").uclib

EXCEPTION_BREAKPOINT = 7  # of Arm
RISCV_CALL = bytes.fromhex("1310f001 73001000 13507040")  # slli zero, zero, 0x1f; ebreak; srai zero, zero, 7
SYS_OPEN, SYS_CLOSE, SYS_WRITE0, SYS_READ, SYS_EXIT_EXTENDED = 0x01, 0x02, 0x04, 0x06, 0x20
VECTORS, OUTPUTS = 1, 2  # file handles
HEADER = struct.Struct("<4I")  # of the vectors file: model, vectors, bytes of the inputs, bytes of the outputs
CLOCK_BYTES = 4  # behind the outputs of each vector
PAGE = 0x1000
NEVER = 0xFFFFFFFE
ACCESSES = {
    unicorn.UC_MEM_READ_UNMAPPED: "read_unmapped",
    unicorn.UC_MEM_WRITE_UNMAPPED: "write_unmapped",
    unicorn.UC_MEM_FETCH_UNMAPPED: "fetch_unmapped",
    unicorn.UC_MEM_READ_PROT: "read_protected",
    unicorn.UC_MEM_WRITE_PROT: "write_protected",
    unicorn.UC_MEM_FETCH_PROT: "fetch_protected",
}


class Arm:
    """A Cortex-M. UC_MODE_THUMB alone: with UC_MODE_MCLASS, unicorn silently runs a Cortex-M33 whatever the CPU model."""

    machine = (unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    models, prefix = arm, "UC_CPU_ARM_"
    pc, stack_pointer, link_register = arm.UC_ARM_REG_PC, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR
    arguments = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1)
    devices = ((0xE000E000, PAGE),)  # SysTick and the FPU switch: plain memory here
    thumb_bit = 1
    long_instruction = (0xF800, 0xE800)


class RiscV:
    """A 32-bit RISC-V."""

    machine = (unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    models, prefix = riscv, "UC_CPU_"
    pc, stack_pointer, link_register = riscv.UC_RISCV_REG_PC, riscv.UC_RISCV_REG_SP, riscv.UC_RISCV_REG_RA
    arguments = (riscv.UC_RISCV_REG_A0, riscv.UC_RISCV_REG_A1)
    devices = ()
    thumb_bit = 0
    long_instruction = (3, 3)


ARCHITECTURES: dict[str, Any] = {"arm": Arm, "riscv": RiscV}


class Counters(ctypes.Structure):
    """The structure of _count_hooks.c."""

    _fields_ = [
        ("read_register", ctypes.c_void_p),
        ("write_register", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("link_register", ctypes.c_int32),
        ("stack_pointer", ctypes.c_int32),
        ("first_argument", ctypes.c_int32),
        ("entry", ctypes.c_uint32),
        ("code_origin", ctypes.c_uint32),
        ("code_slots", ctypes.c_uint32),
        ("code", ctypes.c_void_p),
        ("function_of", ctypes.c_void_p),
        ("cycles_of", ctypes.c_void_p),
        ("block_bytes", ctypes.c_void_p),
        ("block_length", ctypes.c_void_p),
        ("block_cycles", ctypes.c_void_p),
        ("by_call", ctypes.c_void_p),
        ("call_order", ctypes.c_void_p),
        ("called", ctypes.c_void_p),
        ("by_function", ctypes.c_void_p),
        ("by_run", ctypes.c_void_p),
        ("cycles_by_run", ctypes.c_void_p),
        ("runs", ctypes.c_uint64),
        ("finished", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("current", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("pending", ctypes.c_uint64),
        ("long_mask", ctypes.c_uint32),
        ("long_from", ctypes.c_uint32),
        ("taken", ctypes.c_uint32),
        ("own", ctypes.c_uint32),
        ("calls", ctypes.c_uint32),
        ("last_call", ctypes.c_uint32),
        ("away", ctypes.c_uint32),
        ("callee", ctypes.c_uint32),
        ("following", ctypes.c_uint32),
        ("open", ctypes.c_uint32),
        ("exceeded", ctypes.c_uint32),
        ("stack", ctypes.c_void_p),
        ("stack_origin", ctypes.c_uint32),
        ("return_address", ctypes.c_uint32),
        ("stack_at_entry", ctypes.c_uint32),
        ("deepest", ctypes.c_uint32),
        ("painted", ctypes.c_uint32),
        ("exchange", ctypes.c_uint32),
        ("input_bytes", ctypes.c_uint32),
        ("output_bytes", ctypes.c_uint32),
        ("input", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("vectors", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p),
        ("exchanges", ctypes.c_uint64),
    ]


class Board:
    """One run of an image."""

    def __init__(self, request: dict[str, Any], blobs: list[bytes]) -> None:
        self.request = request
        self.vectors, self.read_so_far = blobs[0], 0
        self.text = bytearray()
        self.exit_code: int | None = None
        self.fault: dict[str, Any] | None = None
        self.failure: str | None = None
        self.kind = kind = ARCHITECTURES[request["architecture"]]
        self.machine = machine = unicorn.Uc(*kind.machine)
        machine.ctl_set_cpu_model(getattr(kind.models, kind.prefix + request["cpu"]))
        machine.mem_map(*request["flash"], unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        access = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        self.ram = ctypes.create_string_buffer(request["ram"][1] + PAGE)
        self.ram_place = -(-ctypes.addressof(self.ram) // PAGE) * PAGE
        machine.mem_map_ptr(*request["ram"], access, ctypes.c_void_p(self.ram_place))
        for memory in kind.devices:
            machine.mem_map(*memory, access)
        for address, data in zip(request["segments"], blobs[1:], strict=True):
            machine.mem_write(address, bytes(data))
        machine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        machine.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_bad_access)
        self._count()

    def _count(self) -> None:
        request = self.request
        hooks = ctypes.CDLL(request["hooks"])
        slots = request["code_bytes"] // 2
        code = bytes(self.machine.mem_read(request["flash"][0], slots * 2))
        function_of = (ctypes.c_uint16 * slots)()
        for index, (address, nbytes) in enumerate(request["functions"], start=1):
            first = (address - request["flash"][0]) // 2
            function_of[first : first + nbytes // 2] = [index] * (nbytes // 2)
        self.by_function = (ctypes.c_uint64 * (len(request["functions"]) + 1))()
        self.by_run, self.cycles_by_run = ((ctypes.c_uint64 * max(request["runs"], 1))() for _ in range(2))
        _, _, input_bytes, output_bytes = HEADER.unpack_from(self.vectors)
        exchange, *places = request["exchange"]
        harness_input, harness_output = (self.ram_place + place - request["ram"][0] for place in places)
        inputs = ctypes.create_string_buffer(self.vectors[HEADER.size :])
        self.outputs = ctypes.create_string_buffer((output_bytes + CLOCK_BYTES) * request["runs"])
        self.by_call = (ctypes.c_uint64 * (slots + 1))()
        self.call_order, self.called = ((ctypes.c_uint32 * (slots + 1))() for _ in range(2))
        cycles_of = (ctypes.c_uint16 * slots)()
        for address, cycles in request["cycles"]:
            cycles_of[(address - request["flash"][0]) // 2] = cycles
        blocks = [(ctypes.c_uint16 * slots)() for _ in range(3)]
        self.kept = [hooks, code, function_of, cycles_of, blocks, inputs]
        long_mask, long_from = self.kind.long_instruction
        self.counters = Counters(
            read_register=ctypes.cast(uclib.uc_reg_read, ctypes.c_void_p),
            write_register=ctypes.cast(uclib.uc_reg_write, ctypes.c_void_p),
            stop=ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p),
            link_register=self.kind.link_register,
            stack_pointer=self.kind.stack_pointer,
            first_argument=self.kind.arguments[0],
            entry=request["entry"],
            code_origin=request["flash"][0],
            code_slots=slots,
            code=ctypes.cast(ctypes.c_char_p(code), ctypes.c_void_p),
            function_of=ctypes.addressof(function_of),
            cycles_of=ctypes.addressof(cycles_of),
            block_bytes=ctypes.addressof(blocks[0]),
            block_length=ctypes.addressof(blocks[1]),
            block_cycles=ctypes.addressof(blocks[2]),
            by_call=ctypes.addressof(self.by_call),
            call_order=ctypes.addressof(self.call_order),
            called=ctypes.addressof(self.called),
            by_function=ctypes.addressof(self.by_function),
            by_run=ctypes.addressof(self.by_run),
            cycles_by_run=ctypes.addressof(self.cycles_by_run),
            runs=request["runs"],
            limit=request["limit"],
            long_mask=long_mask,
            long_from=long_from,
            taken=request["taken"],
            stack=self.ram_place,
            stack_origin=request["ram"][0],
            exchange=exchange,
            input_bytes=input_bytes,
            output_bytes=output_bytes + CLOCK_BYTES,
            input=harness_input,
            output=harness_output,
            vectors=ctypes.addressof(inputs),
            outputs=ctypes.addressof(self.outputs),
            own=function_of[(request["entry"] - request["flash"][0]) // 2],
        )
        # The binding takes Python functions only, so the C function goes in through its library handle.
        error = uclib.uc_hook_add(
            self.machine._uch,
            ctypes.byref(ctypes.c_size_t()),
            unicorn.UC_HOOK_BLOCK,
            ctypes.cast(hooks.on_block, ctypes.c_void_p),
            ctypes.cast(ctypes.byref(self.counters), ctypes.c_void_p),
            ctypes.c_uint64(1),  # begin > end: every address
            ctypes.c_uint64(0),
        )
        if error:
            raise RuntimeError(f"uc_hook_add failed with error {error}")

    def run(self) -> None:
        """Run from reset to exit or fault."""
        machine = self.machine
        place = self.request["flash"][0]
        if self.kind is Arm:
            stack_pointer, place = struct.unpack("<II", machine.mem_read(place, 8))
            machine.reg_write(arm.UC_ARM_REG_SP, stack_pointer)
        while place is not None:
            try:
                machine.emu_start(place | self.kind.thumb_bit, NEVER)
                place = None
            except unicorn.UcError as error:
                place = self._after_riscv_call(error)
                self.failure = str(error) if place is None and self.exit_code is None else None
        if self.counters.exceeded:
            self.fault = {"kind": "limit"}
        elif self.failure and self.fault is None:
            self.fault = {"kind": "instruction" if "instruction" in self.failure else "unknown"}
        if self.fault is not None:
            self.fault.setdefault("pc", machine.reg_read(self.kind.pc))
            self.fault["stack_pointer"] = machine.reg_read(self.kind.stack_pointer)
            self.fault["link_register"] = machine.reg_read(self.kind.link_register)
            self.fault["failure"] = self.failure
            self.fault["runs"] = self.counters.finished

    def answer(self) -> tuple[dict[str, Any], list[bytes]]:
        """Return the JSON object and the blobs of the answer."""
        counters = self.counters
        counts = [ctypes.string_at(numbers, 8 * counters.finished) for numbers in (self.by_run, self.cycles_by_run)]
        facts = {
            "exit_code": self.exit_code,
            "text": self.text.decode("ascii", "replace"),
            "fault": self.fault,
            "stack_bytes": counters.deepest,
            "by_function": list(self.by_function),
            "by_call": [
                (function, self.by_call[slot])
                for function, slot in zip(self.called[: counters.calls], self.call_order, strict=False)
            ],
        }
        return facts, [self.outputs.raw, *counts]

    def _on_exception(self, machine: Any, number: int, _: object) -> None:
        pc = machine.reg_read(self.kind.pc)
        if self.kind is RiscV:
            # unicorn has gone on by a whole instruction of 32 bits
            self.fault = {"kind": "instruction", "pc": pc - 4}
        elif number != EXCEPTION_BREAKPOINT:
            self.fault = {"kind": "exception", "number": number}
        else:
            self._call()
            machine.reg_write(arm.UC_ARM_REG_PC, (pc + 2) | 1)
        if self.fault is not None or self.exit_code is not None:
            machine.emu_stop()

    def _after_riscv_call(self, error: Any) -> int | None:
        """Return where to go on after an error: behind a semihosting call, which unicorn takes for a wrong instruction, else None."""
        pc = int(self.machine.reg_read(self.kind.pc))
        if self.kind is not RiscV or error.errno != unicorn.UC_ERR_INSN_INVALID:
            return None
        if bytes(self.machine.mem_read(pc - 4, len(RISCV_CALL))) != RISCV_CALL:
            return None
        self._call()
        return None if self.exit_code is not None else pc + 4

    def _call(self) -> None:
        """Carry out the semihosting call whose arguments are in the registers."""
        operation, argument = (self.machine.reg_read(register) for register in self.kind.arguments)
        self.machine.reg_write(self.kind.arguments[0], self._serve(operation, argument) & 0xFFFFFFFF)

    def _serve(self, operation: int, argument: int) -> int:
        """Carry out a semihosting call and return its result."""
        read = self.machine.mem_read
        if operation == SYS_OPEN:
            name, _, length = struct.unpack("<3I", read(argument, 12))
            return {b"vectors.bin": VECTORS, b"outputs.bin": OUTPUTS}.get(bytes(read(name, length)), -1)
        if operation == SYS_CLOSE:
            return 0
        if operation == SYS_READ:  # the header; the rest is moved by harness_exchange
            file, buffer, length = struct.unpack("<3I", read(argument, 12))
            if file != VECTORS or self.read_so_far + length > HEADER.size:
                return int(length)
            self.machine.mem_write(buffer, self.vectors[self.read_so_far : self.read_so_far + length])
            self.read_so_far += length
            return 0
        if operation == SYS_WRITE0:
            while byte := read(argument, 1)[0]:
                self.text.append(byte)
                argument += 1
            return 0
        if operation == SYS_EXIT_EXTENDED:
            self.exit_code = struct.unpack("<II", read(argument, 8))[1]
            return 0
        return -1

    def _on_bad_access(self, machine: Any, access: int, address: int, size: int, value: int, _: object) -> bool:
        self.fault = {"kind": ACCESSES.get(access, "unknown"), "address": address, "size": size}
        return False


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """Return the JSON object and the blobs of the next message, None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    message = json.loads(stream.read(struct.unpack("<I", head)[0]))
    return message, [stream.read(length) for length in message["blobs"]]


def send(stream: BinaryIO, message: dict[str, Any], blobs: list[bytes]) -> None:
    """Write one message."""
    text = json.dumps({**message, "blobs": [len(blob) for blob in blobs]}).encode()
    stream.write(struct.pack("<I", len(text)) + text + b"".join(blobs))
    stream.flush()


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while (received := receive(requests)) is not None:
        board = Board(*received)
        board.run()
        send(answers, *board.answer())


if __name__ == "__main__":
    main()
