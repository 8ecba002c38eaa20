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
    ("dense", "no rounding", "((x >> shift) + 1) >> 1;\n}", "(x >> shift) >> 1;\n}"),
    ("dense", "ties go down", "((x >> shift) + 1) >> 1;\n}", "(((x - 1) >> shift) + 1) >> 1;\n}"),
    ("add", "no rounding", "(x + ((int32_t)1 << (shift - 1))) >> shift", "x >> shift"),
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
    ("dense", "the last columns of a long row are left out on DSP cores", "columns - c < 128 ? columns - c", "columns - c < 128 ? 0"),
    ("dense", "the second block of rows has the first one's weights on DSP cores", "packed += words", "packed += 0 * words"),
    ("dense", "halves of a word may be negative", "0x80008000u", "0x80000000u"),
    ("dense", "the offsets of the halves stay in", "(uint32_t)chunks * 32768u", "(uint32_t)chunks * 32767u"),
    ("dense", "the upper rows of a word have those of the lower in them", "all -= odd << 8", "all -= odd << 7"),
    ("dense", "rows that are left over take the first row's place", "r, rows, columns, shift", "0, (uint16_t)(rows - r), columns, shift"),
    ("sparse_dense", "the second gap of a pair is left out", "((pair >> 8) & 0xFFu) /", "0 * ((pair >> 8) & 0xFFu) /"),
    ("sparse_dense", "the last of eight columns has no bit", "if (bits & 1u)", "if (bits & 0u)"),
    ("sparse_dense", "bits read the first eight entries of x again", "if (--turns == 0) break;\n        x += 8;",
     "if (--turns == 0) break;\n        x += 0;"),
    ("sparse_dense", "bits are read from the lowest on AVR and Thumb-1", "bits << 1", "bits >> 1"),
    ("squared_distance", "the zero point stays in where x is placed once", "placed[c] = ew_rshift_round((int32_t)x[c] - x_zero_point",
     "placed[c] = ew_rshift_round((int32_t)x[c] - 0 * x_zero_point"),
    ("gather_dense", "rows behind the first four have their weights", "w += 4 * (uint32_t)columns", "w += 0 * (uint32_t)columns"),
    ("conv2d", "the image is read one row too far up", "at->stride_y - at->top", "at->stride_y - at->top - (at->top > 0)"),
    ("rescale", "the upper bound is one too high", "x > highest ? highest : x", "x > highest ? highest + 1 : x"),
    ("rescale", "the lower bound is never reached", "x < lowest ? lowest", "x < lowest ? lowest + 1"),
    ("affine", "the offset is that of the next feature", "&offset[f]", "&offset[(f + 1) % features]"),
    ("affine", "every row begins one feature late", "uint16_t f = 0; f < features", "uint16_t f = (uint16_t)(r > 0); f < features"),
    ("windows", "every window is the first", "x += stride;\n    }", "x += 0 * stride;\n    }"),
    ("windows", "the last window is left out", "w < windows; w++", "w + 1 < windows; w++"),
    ("is_confident", "the second largest is the largest", "i != best && x[i] > others", "x[i] > others"),
    ("is_confident", "the first entry is always among the others", "x[best ? 0 : 1]", "x[0]"),
    ("is_confident", "the threshold itself is not enough", "- others >= least", "- others > least"),
    ("is_confident", "the largest score leads, whichever was asked for", "if (entry < 0) {", "if (entry < 30000) {"),
    ("scan", "no loop ends early", ") break;", ") continue;"),
    ("scan", "loops over windows read one behind the other", " + step2 * 4 +", " + step2 * 6 +"),
    ("when", "the branch is always taken", "if (*(input0)) {", "(void)input0; if (1) {"),
    ("slice", "every stretch begins at the start", "x[first + i]", "x[0 * first + i]"),
    ("concatenate", "b has the zero point of a", "*b++ - b_zero_point", "*b++ - a_zero_point + 0 * b_zero_point"),
    ("reduce_sum", "the zero points stay", "int32_t sum = start", "int32_t sum = 0 * start"),
    ("reduce_sum", "the last entry is left out", "k < along", "k + 1 < along"),
    ("reduce_max", "the first entry is left out", "X_T largest = x[entry]", "X_T largest = x[entry + (along > 1 ? behind : 0)]"),
    ("argmax", "the last of equals wins", "x[i] > x[best]", "x[i] >= x[best]"),
    ("lookup", "the fraction is left out", "slope * (int32_t)(distance & mask)", "0 * slope * (int32_t)(distance & mask)"),
    ("squared_distance", "the distance is not squared", "difference * difference", "difference"),
    ("dense", "the offset of w stays in on AVR", "return sum << 7", "return 0 * sum"),
    ("dense", "128 bytes are summed in 8 bits on AVR", "part = (uint16_t)(part", "part = (uint8_t)(part"),
    ("dense", "sums have 23 bits on AVR", "<< 8) >> 8", "<< 9) >> 9"),
    ("dense", "rows that are left over have an offset on AVR", "(int32_t)EW_READ_I8(w++) * *x;",
     "((int32_t)EW_READ_I8(w++) + 128) * *x;"),
    ("sparse_dense", "x stays at the entry that a step has read on AVR", "EW_READ_U8(&steps[1]) * *x++", "EW_READ_U8(&steps[1]) * *x"),
    ("gather_dense", "every block has the sums of the first on AVR", "start + first", "start + 0 * first"),
    ("squared_distance", "the square of x is left out on AVR", "square += (uint32_t)", "square += 0 * (uint32_t)"),
    ("lookup", "bytes of the slope are not rounded on AVR", "(low + 128u)", "(low)"),
    ("tree_path", "zero goes to the other side", "> 0", ">= 0"),
    ("fastgrnn_cell", "the state wraps", "return ew_add_16(kept, (int16_t)(added + 1))", "return (int16_t)(kept + added + 1)"),
    ("fastgrnn_cell", "the sum wraps", "return ew_saturate_16((int32_t)((uint32_t)", "return (int16_t)((int32_t)((uint32_t)"),
    ("fastgrnn_cell", "the candidate's sum wraps", "(total + bias) : ew_add_16(total, bias)", "(total + bias) : (int16_t)(total + bias)"),
    ("fastgrnn_cell", "the gate has no bias", "((int32_t)a + b + gate_bias)", "((int32_t)a + b + 0 * gate_bias)"),
    ("fastgrnn_cell", "the proven sum is not doubled", "(sum << doublings)", "(sum << 0 * doublings)"),
    ("fastgrnn_cell", "the table has no slopes", "first + ((rise * (x & 0xFF)) >> 8)", "first + 0 * rise"),
    ("fastgrnn_cell", "nothing makes up for what is cut off", "(int16_t)(kept + added + 1)", "(int16_t)(kept + added)"),
    ("fastgrnn_cell", "nu is left out", "(uint16_t)(rate - ew_high", "(uint16_t)(zeta + 0 * rate - ew_high"),
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
    for features in ((), ("dsp",), ("avr",), ("packed",), ("thumb1",)):
        before = len(applied)
        program = emit(graphs, op, features=features)
        files = {file: body.replace(text, broken) for file, body in program.files.items()}  # what a form says
        applied.extend([file for file, body in program.files.items() if files[file] != body])
        if len(applied) > before:
            found += differences(graphs, host.build(replace(program, files=files), "host"))
    assert applied, "the text that the mutant replaces is no longer there"
    assert found
