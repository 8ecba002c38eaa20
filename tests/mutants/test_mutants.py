"""Kernels that are broken on purpose: the conformance comparison must catch every one."""

from dataclasses import replace

import pytest
from comparison import differences, graphs_of

from edgewright import boards, engines
from edgewright.compiler import library
from edgewright.compiler.emit import emit

pytestmark = pytest.mark.slow

# (operator, what is broken, text of the C, text in its place)
MUTANTS = (
    ("dense", "one column is left out", "c < columns; c++)", "c + 1 < columns; c++)"),
    ("dense", "the sum has 16 bits", "int32_t sum = EW_READ_BIAS(&bias[r])", "int16_t sum = (int16_t)EW_READ_BIAS(&bias[r])"),
    ("dense", "the bias is left out", "int32_t sum = EW_READ_BIAS(&bias[r])", "int32_t sum = 0; (void)bias"),
    ("dense", "no rounding", "(x + ((int32_t)1 << (shift - 1))) >> shift", "x >> shift"),
    ("dense", "ties go down", "((int32_t)1 << (shift - 1))", "((int32_t)1 << (shift - 1)) - 1"),
    ("dense", "the multiplier rounds down", "(product + ((int64_t)1 << (shift - 1))) >> shift", "product >> shift"),
    ("dense", "the product is cut to 32 bits", "(int64_t)x * multiplier", "(int64_t)(int32_t)((uint32_t)x * (uint32_t)multiplier)"),
    ("dense", "the shift of the first row serves all", "&shift[r]", "&shift[0]"),
    ("sparse_dense", "the last value of a row is left out", "count-- > 0", "count-- > 1"),
    ("add", "the zero point of b is left out", "(*b - b_zero_point)", "(*b - 0 * b_zero_point)"),
    ("add", "the first entry of b serves all", "b += b_step", "b += 0 * b_step"),
    ("subtract", "the sign is wrong", "first - second", "first + second"),
    ("multiply", "the product has 16 bits", "((int32_t)*a - a_zero_point) * ((int32_t)*b - b_zero_point)",
     "(int16_t)(((int32_t)*a - a_zero_point) * ((int32_t)*b - b_zero_point))"),
    ("multiply", "the result wraps instead of saturating", "ew_clip(ew_shift(product, shift) + zero_point, lowest, highest)",
     "(ew_shift(product, shift) + zero_point + 0 * (lowest + highest))"),
    ("dense", "the upper half is not rounded", "((high >> shift) + 1) >> 1", "(high >> shift) >> 1"),
    ("conv2d", "the padding is zero", "*window++ = fill;", "*window++ = (X_T)(0 * fill);"),
    ("conv2d", "the last column of a window is left out", "j = at->size_x; j > 0;", "j = at->size_x; j > (at->size_x > 1);"),
    ("conv2d", "two pixels are swapped on DSP cores", "&pairs[pixel], words)", "&pairs[1 - pixel], words)"),
    ("dense", "large biases are left out on DSP cores", "(rest ? EW_READ_I32(&rest[r]) : 0)", "0 * (rest ? EW_READ_I32(&rest[r]) : 0)"),
    ("dense", "the last word of a long row is left out on DSP cores", "x, x + columns, sums", "x, x + columns - 4, sums"),
    ("conv2d", "the image is read one row too far up", "at->stride_y - at->top", "at->stride_y - at->top - (at->top > 0)"),
    ("rescale", "the upper bound is one too high", "x > highest ? highest : x", "x > highest ? highest + 1 : x"),
    ("rescale", "the lower bound is never reached", "x < lowest ? lowest", "x < lowest ? lowest + 1"),
    ("affine", "the offset is that of the next feature", "&offset[f]", "&offset[(f + 1) % features]"),
    ("affine", "every row begins one feature late", "uint16_t f = 0; f < features", "uint16_t f = (uint16_t)(r > 0); f < features"),
    ("slice", "every stretch begins at the start", "x[first + i]", "x[0 * first + i]"),
    ("concatenate", "b has the zero point of a", "*b++ - b_zero_point", "*b++ - a_zero_point + 0 * b_zero_point"),
    ("reduce_sum", "the zero points stay", "int32_t sum = start", "int32_t sum = 0 * start"),
    ("reduce_sum", "the last entry is left out", "k < along", "k + 1 < along"),
    ("reduce_max", "the first entry is left out", "X_T largest = x[entry]", "X_T largest = x[entry + (along > 1 ? behind : 0)]"),
    ("argmax", "the last of equals wins", "x[i] > x[best]", "x[i] >= x[best]"),
    ("lookup", "the fraction is left out", "slope * (int32_t)(distance & mask)", "0 * slope * (int32_t)(distance & mask)"),
    ("squared_distance", "the distance is not squared", "difference * difference", "difference"),
    ("tree_path", "zero goes to the other side", "> 0", ">= 0"),
)  # fmt: skip


@pytest.mark.parametrize(("op", "what", "text", "broken"), MUTANTS, ids=[f"{m[0]}: {m[1]}" for m in MUTANTS])
def test_every_mutant_is_caught(op, what, text, broken, monkeypatch):
    host = engines.get("host")
    if reason := host.why_not(boards.get("host")):
        pytest.skip(reason)
    graphs = graphs_of(op)
    sound, applied = library.functions_of, []

    def functions_of(file):
        functions = {}
        for name, body in sound(file).items():
            functions[name] = body.replace(text, broken)
            applied.extend([name] * (functions[name] != body))
        return functions

    monkeypatch.setattr(library, "functions_of", functions_of)
    found = []
    for features in ((), ("dsp",)):
        before = len(applied)
        program = emit(graphs, op, features=features)
        files = {file: body.replace(text, broken) for file, body in program.files.items()}  # what a form says
        applied.extend([file for file, body in program.files.items() if files[file] != body])
        if len(applied) > before:
            found += differences(graphs, host.build(replace(program, files=files), "host"))
    assert applied, "the text that the mutant replaces is no longer there"
    assert found
