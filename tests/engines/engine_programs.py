"""Small hand-written programs that stand for what the compiler emits."""

import numpy as np

from edgewright.compiler.program import Entry, Program
from edgewright.ir.types import Type

ROWS, COLUMNS = 5, 12


def program(name, *models):
    """A program of models, each (name, C of the file, inputs, outputs); the C defines NAME_run."""
    header = [f"#ifndef {name.upper()}_H", f"#define {name.upper()}_H", "#include <stdint.h>"]
    body = [f'#include "{name}.h"']
    entries = []
    for model, c, inputs, outputs in models:
        parameters = [f"const {type.dtype}_t *in{k}" for k, type in enumerate(inputs)]
        parameters += [f"{type.dtype}_t *out{k}" for k, type in enumerate(outputs)]
        signature = f"void {model}_run({', '.join(parameters)})"
        header.append(f"{signature};")
        body.append(c.replace("RUN", signature))
        entries.append(Entry(model, tuple(inputs), tuple(outputs), 0, {}, (), "0" * 8))
    files = {f"{name}.h": "\n".join([*header, "#endif", ""]), f"{name}.c": "\n".join([*body, ""])}
    files[f"{name}_selftest.c"] = "#error the self-test is no part of an image\n"
    return Program(name, files, tuple(entries))


def weights():
    return np.random.default_rng(3).integers(-127, 128, (ROWS, COLUMNS))


def dense_source():
    """int8 x, int16 s -> int16 y = saturate((w x * s + 8) >> 4), uint8 last = number of the largest."""
    values = ", ".join(str(value) for value in weights().ravel())
    return f"""
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define FLASH PROGMEM
#define READ(p) ((int8_t)pgm_read_byte(p))
#else
#define FLASH
#define READ(p) (*(p))
#endif
static const int8_t dense_w[{ROWS * COLUMNS}] FLASH = {{{values}}};
static int32_t dense_arena[{ROWS}];

__attribute__((noinline)) static int32_t dense_row(const int8_t *x, const int8_t *w) {{
    int32_t sum = 0;
    for (uint8_t c = 0; c < {COLUMNS}; c++) sum += (int32_t)READ(w++) * x[c];
    return sum;
}}

RUN {{
    uint8_t best = 0;
    for (uint8_t r = 0; r < {ROWS}; r++) {{
        dense_arena[r] = dense_row(in0, dense_w + r * {COLUMNS});
        const int64_t y = ((int64_t)dense_arena[r] * in1[0] + 8) >> 4;
        out0[r] = (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
        if (dense_arena[r] > dense_arena[best]) best = r;
    }}
    out1[0] = best;
}}
"""


def dense_expected(x, s):
    sums = x.astype(np.int64) @ weights().T
    y = np.clip((sums * s.astype(np.int64) + 8) >> 4, -32768, 32767)
    return y.astype(np.int16), np.argmax(sums, axis=1)[:, None]


def dense_inputs(count, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(-127, 128, (count, COLUMNS)), random.integers(-32768, 32768, (count, 1))


DENSE = (
    "dense",
    dense_source(),
    (Type((COLUMNS,), "int8"), Type((1,), "int16")),
    (Type((ROWS,), "int16"), Type((1,), "uint8")),
)
DOUBLE = (
    "double16",
    "RUN { for (uint8_t k = 0; k < 3; k++) out0[k] = (int16_t)(2 * in0[k]); }",
    (Type((3,), "int16"),),
    (Type((3,), "int16"),),
)


def pair():
    """Two models in one program."""
    return program("pair", DENSE, DOUBLE)


def single(name, c):
    """One model int8[8] -> int32[1]."""
    return program(name, (name, c, (Type((8,), "int8"),), (Type((1,), "int32"),)))


def nothing(count=2):
    """Vectors of zeros for `single`."""
    return np.zeros((count, 8), np.uint8)
