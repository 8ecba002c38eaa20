"""What surrounds a program on every engine: the call of each model, and the format of vectors.

A vectors file is four little-endian uint32 (model, vectors, bytes of the inputs, bytes of the outputs), then the inputs of each
vector. Every input and every output is padded to a multiple of 4 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from importlib import resources

from edgewright.compiler.program import Entry, Program
from edgewright.engines import Vectors, input_bytes, offsets, output_bytes, output_offsets
from edgewright.errors import BadInput

UNWRITTEN = 0xA5  # fills the outputs before each run, so that an output that the model leaves out is seen


@cache
def source(name: str) -> str:
    """Return the text of a C file or linker script of this folder."""
    return resources.files("edgewright.engines").joinpath(name).read_text()


def model_sources(program: Program) -> tuple[str, ...]:
    """Return the names of the C files of a program, without its self-test."""
    return tuple(name for name in sorted(program.files) if name.endswith(".c") and name != f"{program.name}_selftest.c")


def calls_header(program: Program, *, apart: bool = False) -> str:
    """Return harness_calls.h: buffer sizes, and `harness_call`, which runs the model of an index on buffers.

    apart: give each value a block of its own without padding, by `harness_apart`, so that a sanitizer sees any access beside it.
    """
    write = _call_apart if apart else _call_in_place
    cases = [
        f"    case {number}: {{\n{write(entry)}        break;\n    }}\n" for number, entry in enumerate(program.entries)
    ]
    return (
        f'#include <stdint.h>\n#include "{program.name}.h"\n'
        f"#define HARNESS_INPUT_BYTES {max(input_bytes(entry) for entry in program.entries)}\n"
        f"#define HARNESS_OUTPUT_BYTES {max(output_bytes(entry) for entry in program.entries)}\n"
        f"#define HARNESS_UNWRITTEN {UNWRITTEN}\n"
        "static void harness_call(uint32_t model, const uint8_t *input, uint8_t *output) {\n"
        f"    switch (model) {{\n{''.join(cases)}    default:\n        break;\n    }}\n}}\n"
    )


def _call_in_place(entry: Entry) -> str:
    arguments = [f"(const void *)(input + {offset})" for offset in offsets(entry.inputs)[:-1]]
    arguments += [f"(void *)(output + {offset})" for offset in output_offsets(entry)[:-1]]
    lines = _stream_begins(entry, "static {name}_state state;", "&state") if entry.step else []
    lines += _call(entry, [*(["&state"] if entry.step else []), *arguments])
    return "".join(f"        {line}\n" for line in lines)


def _call_apart(entry: Entry) -> str:
    places = [("input", *place) for place in zip(offsets(entry.inputs), entry.inputs, strict=False)]
    places += [("output", *place) for place in zip(output_offsets(entry), entry.outputs, strict=False)]
    blocks = ", ".join(f"harness_apart({buffer} + {offset}, {type.nbytes})" for buffer, offset, type in places)
    arguments = [f"block[{number}]" for number in range(len(places))]
    lines = []
    if entry.step:
        lines = _stream_begins(entry, "static {name}_state *state;", "state", "state = malloc(sizeof *state);")
        arguments.insert(0, "state")
    lines += [
        f"void *const block[] = {{{blocks}}};",
        *_call(entry, arguments),
        *(
            f"memcpy({buffer} + {offset}, block[{number}], {type.nbytes});"
            for number, (buffer, offset, type) in enumerate(places)
            if buffer == "output"
        ),
        f"for (int k = 0; k < {len(places)}; k++) free(block[k]);",
    ]
    return "".join(f"        {line}\n" for line in lines)


def _call(entry: Entry, arguments: list[str]) -> list[str]:
    """Return the call of a model's function; what NAME_step returns goes before the outputs."""
    call = f"{entry.function}({', '.join(arguments)});"
    if not entry.step:
        return [call]
    store = "for (uint8_t k = 0; k < 4; k++) output[k] = (uint8_t)((uint32_t)ready >> 8 * k);"
    return [f"const int32_t ready = {call}", store]


def _stream_begins(entry: Entry, declaration: str, state: str, allocation: str = "") -> list[str]:
    """Return the statements that reset the state of a stream at its first sample, after filling it: a field that is left out is seen."""
    return [
        declaration.format(name=entry.name),
        "static uint8_t has_begun;",
        "if (!has_begun) {",
        "    has_begun = 1;",
        *([f"    {allocation}", "    if (!state) abort();"] if allocation else []),
        f"    for (uint32_t k = 0; k < sizeof({entry.name}_state); k++) ((uint8_t *){state})[k] = HARNESS_UNWRITTEN;",
        f"    {entry.name}_reset({state});",
        "}",
    ]


def find_entry(program: Program, name: str) -> tuple[int, Entry]:
    """Return index and entry of a model of a program. Raises BadInput."""
    for number, entry in enumerate(program.entries):
        if entry.name == name:
            return number, entry
    known = ", ".join(entry.name for entry in program.entries)
    raise BadInput(f"The program {program.name!r} holds no model {name!r}. It holds: {known}.")


def check_vectors(entry: Entry, vectors: Vectors) -> None:
    """Raise BadInput where vectors do not have the form that a model takes."""
    width = input_bytes(entry)
    if vectors.ndim != 2 or vectors.shape[1] != width or vectors.dtype != "uint8":
        raise BadInput(
            f"The vectors for {entry.name!r} are {vectors.dtype}{list(vectors.shape)}; "
            f"uint8[count, {width}] is needed (see pack_inputs)."
        )


def vectors_file(program: Program, name: str, vectors: Vectors) -> bytes:
    """Return the bytes of a vectors file. Raises BadInput."""
    number, entry = find_entry(program, name)
    check_vectors(entry, vectors)
    return struct.pack("<4I", number, len(vectors), input_bytes(entry), output_bytes(entry)) + vectors.tobytes()


def files_for(program: Program, harness: Iterable[str], *, apart: bool = False) -> dict[str, str]:
    """Return name -> text of all files of a build: the program, the harness and the calls between them."""
    calls = calls_header(program, apart=apart)
    return {**program.files, "harness_calls.h": calls, **{name: source(name) for name in harness}}
