"""The C that is emitted: it compiles everywhere without a warning, says what it is, and computes what the twin computes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_graphs import add, dense_tanh, integers, node, plain, recurrent, rows_for, running_sum, scanned

from edgewright.compiler import library
from edgewright.compiler.c_language import literal, real
from edgewright.compiler.emit import Golden, emit
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.program import Program
from edgewright.errors import BadGraph, BadInput
from edgewright.ir import Graph, Type, quantise_array
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer, run_integer_many

Run = Callable[..., list[Array]]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-Wundef", "-Wshadow")
GCC = shutil.which("gcc")
ZIG = (sys.executable, "-m", "ziglang", "cc")


def quantised(graph: Graph) -> Graph:
    return to_integers(graph, rows_for(graph))


def golden(graph: Graph, count: int = 6) -> Golden:
    inputs = quantise_array(rows_for(graph, count, seed=1), graph.input_type)
    return Golden(inputs, run_integer(graph, inputs))


def with_selftests(**graphs: Graph) -> Program:
    return emit(graphs, "several" if len(graphs) > 1 else None, {name: golden(graph) for name, graph in graphs.items()})


def compile_c(folder: Path, program: Program, *command: str, main: str | None = None) -> Path:
    """Compile all files of a program and return the executable, or the folder where there is no main."""
    for file, text in program.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    sources = [file for file in program.files if file.endswith(".c")]
    if main:
        (folder / "start.c").write_text(main)
        sources.append("start.c")
    arguments = [*command, *sources, *(("-o", "program") if main else ("-c",))]
    finished = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return folder / "program" if main else folder


MODELS = {"tiny": dense_tanh(), "last": recurrent(), "stacked": recurrent("stacked", reverse=True)}


def test_two_runs_are_equal_to_the_byte() -> None:
    one, other = (with_selftests(**{name: quantised(graph) for name, graph in MODELS.items()}) for _ in range(2))
    assert one.files == other.files


@pytest.mark.skipif(not GCC, reason="no gcc is installed")
@pytest.mark.parametrize("options", [("-O2",), ("-O0", "-funsigned-char"), ("-O2", "-m32", "-fsyntax-only")], ids=str)
def test_gcc_has_nothing_to_say(options: tuple[str, ...], tmp_path: Path) -> None:
    program = with_selftests(**{name: quantised(graph) for name, graph in MODELS.items()})
    if "-m32" in options:  # stdint.h of a 32-bit system may be missing; a freestanding compiler has its own
        options = (*options, "-ffreestanding")
    compile_c(tmp_path, program, "gcc", *STRICT, *options)


def test_zig_has_nothing_to_say(tmp_path: Path) -> None:
    compile_c(tmp_path, with_selftests(tiny=quantised(dense_tanh()), last=quantised(recurrent())), *ZIG, *STRICT)


@pytest.mark.skipif(not shutil.which("g++"), reason="no g++ is installed")
def test_the_header_is_c_plus_plus_too(tmp_path: Path) -> None:
    program = with_selftests(tiny=quantised(dense_tanh()))
    (tmp_path / "tiny.h").write_text(program.files["tiny.h"])
    (tmp_path / "use.cpp").write_text(
        '#include "tiny.h"\n#include "tiny.h"\n'
        "const char *labels[TINY_CLASSES] = TINY_LABELS;\n"
        "double scale = TINY_INPUT_SCALE / 2;\n"
        "int use(const int16_t (&input)[TINY_INPUT_SIZE]) { return tiny_predict(input); }\n"
    )
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "use.cpp"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


LABELS = ('"', "\\", "??=", "naïve", "line\nbreak", "%d", "*/", "\\n", "tab\t7", "日本")


def labelled(labels: tuple[str, ...]) -> Graph:
    types = dict.fromkeys("xy", integers(len(labels)))
    return replace(plain([add("x", "x", "y")], ("y",), types), labels=labels)


@pytest.mark.skipif(not GCC, reason="no gcc is installed")
@pytest.mark.parametrize("standard", ["-std=c99", "-std=c99 -trigraphs"])
def test_labels_reach_c_as_they_are(standard: str, tmp_path: Path) -> None:
    start = (
        '#include <stdio.h>\n#include "m.h"\nstatic const char *const labels[] = M_LABELS;\n'
        "int main(void) { for (int i = 0; i < M_CLASSES; i++) { fputs(labels[i], stdout); putchar(0); } return 0; }\n"
    )
    flags = [flag for flag in STRICT if flag != "-std=c99"]
    program = compile_c(tmp_path, emit({"m": labelled(LABELS)}), "gcc", *standard.split(), *flags, main=start)
    said = subprocess.run([program], capture_output=True, check=True).stdout
    assert tuple(said.decode().split("\0")[:-1]) == LABELS


def test_a_label_that_no_encoding_holds_is_no_obstacle() -> None:
    assert '"?x"' in emit({"m": labelled(("\ud800x", "b"))}).files["m.h"].replace("\\?", "?")


@pytest.mark.skipif(not GCC, reason="no gcc is installed")
def test_the_class_with_the_highest_score_is_the_first_of_equals(tmp_path: Path) -> None:
    start = (
        '#include "m.h"\nint main(void) {\n'
        "    const int16_t equal[] = {3, 7, 7}, first[] = {-1, -2, -3};\n"
        "    return !(m_predict(equal) == 1 && m_predict(first) == 0);\n}\n"
    )
    program = compile_c(tmp_path, emit({"m": labelled(("a", "b", "c"))}), "gcc", *STRICT, main=start)
    assert subprocess.run([program], check=False).returncode == 0


SELFTEST = "int tiny_selftest(void);\nint main(void) { return tiny_selftest(); }\n"


@pytest.mark.skipif(not GCC, reason="no gcc is installed")
@pytest.mark.parametrize("dtype", ["int16", "int8"])
def test_the_selftest_counts_the_vectors_that_differ(dtype: str, tmp_path: Path) -> None:
    graph = replace(labelled(("a", "b")), types={"x": integers(2, dtype=dtype), "y": integers(2)})
    vectors = golden(graph)
    for wrong in (0, 1, 4):
        outputs = vectors.outputs.copy()
        outputs[:wrong, 1] += 1
        folder = tmp_path / str(wrong)
        folder.mkdir()
        program = emit({"tiny": graph}, golden={"tiny": Golden(vectors.inputs, outputs)})
        executable = compile_c(folder, program, "gcc", *STRICT, main=SELFTEST)
        assert subprocess.run([executable], check=False).returncode == wrong


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a-b", "a b", "int", "while", "class", "a" * 41, "é", "ew", "ew_x", "a\n", "../a", "main"]
)
def test_names_that_c_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="cannot name a model"):
        emit({name: labelled(("a", "b"))})
    with pytest.raises(BadInput, match="cannot name a model"):
        emit({"m": labelled(("a", "b"))}, name or "A")


def test_no_model_is_no_program() -> None:
    with pytest.raises(BadInput, match="no model"):
        emit({})


def test_several_models_share_their_kernels(host: Run) -> None:
    one, two = quantised(dense_tanh()), quantised(replace(dense_tanh(), name="again"))
    program = emit({"one": one, "two": two}, "both")
    functions = re.findall(r"^static \w+ (dense\w+|lookup\w+)\(", program.files["both.c"], re.MULTILINE)
    assert len(functions) == len(set(functions))
    alone = emit({"one": one}).files["one.c"]
    assert set(functions) == set(re.findall(r"^static \w+ (dense\w+|lookup\w+)\(", alone, re.MULTILINE))
    assert [entry.name for entry in program.entries] == ["one", "two"]
    rows = quantise_array(rows_for(dense_tanh()), one.input_type)
    for model in ("one", "two"):
        assert np.array_equal(host(program, rows, model=model)[0], run_integer(one, rows))


def test_symbols_of_models_do_not_meet(host: Run) -> None:
    """`a` with a constant "b_c" and `a_b` with a constant "c"; constants named like functions and arenas."""

    def graph(*constants: str) -> Graph:
        nodes = [
            add("x" if number == 0 else f"v{number - 1}", value, f"v{number}") for number, value in enumerate(constants)
        ]
        types = dict.fromkeys(["x", *constants, *(one.output for one in nodes)], integers(2))
        values = {value: np.array([number, 7], np.int16) for number, value in enumerate(constants)}
        return plain(nodes, (nodes[-1].output,), types, constants=values)

    graphs = {"a": graph("b_c", "run", "predict", "arena_i16", "b_run", "b-c", "B_c"), "a_b": graph("c", "run")}
    program = emit(graphs, "both")
    x = np.array([[1, 2], [-3, 4]])
    for name, one in graphs.items():
        assert np.array_equal(host(program, x, model=name)[0], run_integer(one, x))


def test_a_model_cannot_be_named_so_that_it_makes_a_kernel() -> None:
    types = {"x": integers(1), "i16_i16_i16": integers(1), "y": integers(1)}
    graph = plain([add("x", "i16_i16_i16", "y")], ("y",), types, constants={"i16_i16_i16": np.array([1], np.int16)})
    with pytest.raises(BadInput, match="add_i16_i16_i16"):
        emit({"add": graph})


def test_what_is_no_integer_graph_is_refused() -> None:
    with pytest.raises(BadGraph, match="not quantised"):
        emit({"m": dense_tanh()})
    with pytest.raises(BadGraph, match="'body' carries h"):
        emit({"m": running_sum()})
    swapped = replace(
        running_sum(), types=dict.fromkeys(("s", "h", "g", "sum"), integers(2)), state={"h": "g", "g": "h"}
    )
    with pytest.raises(BadGraph, match="circle"):
        emit({"m": scanned(swapped)})


def test_more_than_a_kernel_counts_is_refused() -> None:
    assert emit({"m": plain([add("x", "x", "y")], ("y",), dict.fromkeys("xy", integers(2**16 - 1)))})
    with pytest.raises(BadGraph, match=r"'y'.*65536"):
        emit({"m": plain([add("x", "x", "y")], ("y",), dict.fromkeys("xy", integers(2**16)))})


X = integers(4)
MATRIX = integers(2, 2)


def reshaped(x: str, y: str) -> object:
    return node("reshape", y, x=x, attributes={"shape": (2, 2)})


C = {"c": np.array([5, -6, 7, -8], np.int16)}
PLUMBING = {
    "an input as output": plain([], ("x",), {"x": X}),
    "an input as second output": plain([add("x", "x", "y")], ("y", "x"), {"x": X, "y": X}),
    "an input reshaped": plain([reshaped("x", "y")], ("y",), {"x": X, "y": MATRIX}),
    "a value reshaped": plain([add("x", "x", "h"), reshaped("h", "y")], ("y",), {"x": X, "h": X, "y": MATRIX}),
    "a value and itself reshaped": plain(
        [add("x", "x", "h"), reshaped("h", "y")], ("h", "y"), {"x": X, "h": X, "y": MATRIX}
    ),
    "a value reshaped twice": plain(
        [add("x", "x", "h"), reshaped("h", "y"), reshaped("h", "z"), add("h", "x", "w")],
        ("y", "z", "w"),
        {"x": X, "h": X, "y": MATRIX, "z": MATRIX, "w": X},
    ),
    "an output twice": plain([add("x", "x", "y")], ("y", "y"), {"x": X, "y": X}),
    "a constant as output": plain([add("x", "c", "y")], ("c", "y"), {"x": X, "c": X, "y": X}, constants=C),
    "a constant reshaped": plain(
        [reshaped("c", "r"), add("x", "c", "y")], ("r", "y"), {"x": X, "c": X, "r": MATRIX, "y": X}, constants=C
    ),
    "constants on both sides": plain([add("c", "c", "y")], ("y",), {"x": X, "c": X, "y": X}, constants=C),
    "two inputs": plain([add("x", "z", "y")], ("y",), {"x": X, "z": X, "y": X}, inputs=("x", "z")),
    "an input that nothing reads": plain([add("x", "x", "y")], ("y",), {"x": X, "z": X, "y": X}, inputs=("z", "x")),
    "an input whose alias nothing reads": plain(
        [reshaped("x", "r"), add("c", "c", "y")], ("y",), {"x": X, "r": MATRIX, "c": X, "y": X}, constants=C
    ),
    "an output that is read": plain([add("x", "x", "y"), add("y", "x", "z")], ("y", "z"), {"x": X, "y": X, "z": X}),
}


@pytest.fixture(scope="module")
def plumbing() -> tuple[Program, dict[str, str]]:
    names = {case: f"case{number}" for number, case in enumerate(PLUMBING)}
    return emit({names[case]: graph for case, graph in PLUMBING.items()}, "plumbing"), names


@pytest.mark.parametrize("case", PLUMBING)
def test_every_way_of_naming_a_value_works(case: str, plumbing: tuple[Program, dict[str, str]], host: Run) -> None:
    graph, (program, names) = PLUMBING[case], plumbing
    given = {name: np.random.default_rng(0).integers(-99, 99, (3, 4)) for name in graph.inputs}
    twin = run_integer_many(graph, given)
    for value, computed in zip(graph.outputs, host(program, *given.values(), model=names[case]), strict=True):
        assert np.array_equal(twin[value], computed)


def carrying(state: dict[str, str], output: str, **constants: list[int]) -> Graph:
    """A body with the states a and b, and sum = s + b."""
    types = dict.fromkeys(("s", *state, "sum"), integers(2))
    values = {value: np.array(start, np.int16) for value, start in constants.items()}
    return plain([add("s", "b", "sum")], (output,), types, inputs=("s",), state=state, constants=values, name="body")


STATES = [
    {"a": "sum", "b": "sum"},
    {"a": "s", "b": "a"},
    {"b": "a", "a": "s"},
    {"b": "sum", "a": "b"},
    {"a": "b", "b": "b"},
]
SCANS = {
    f"{number} {value} {output}{' reversed' * reverse}": scanned(
        carrying(state, value, a=[3, 4]), output, reverse=reverse
    )
    for number, state in enumerate(STATES)
    for value in ("sum", "a", "b", "s")
    for output in ("last", "stacked")
    for reverse in (False, True)
}


def test_every_way_of_carrying_a_state_works(host: Run) -> None:
    graphs = {f"case{number}": graph for number, graph in enumerate(SCANS.values())}
    program, x = emit(graphs, "states"), np.random.default_rng(0).integers(-99, 99, (4, 3, 2))
    engine_runs = {name: host(program, x, model=name)[0] for name in list(graphs)[::3]}
    wrong = [
        case
        for case, (name, graph) in zip(SCANS, graphs.items(), strict=True)
        if name in engine_runs and not np.array_equal(engine_runs[name], run_integer(graph, x))
    ]
    assert not wrong


@pytest.mark.skipif(not GCC, reason="no gcc is installed")
def test_every_way_of_carrying_a_state_passes_its_selftest(tmp_path: Path) -> None:
    graphs = {f"case{number}": graph for number, graph in enumerate(SCANS.values())}
    program = with_selftests(**graphs)
    declared = "".join(f"int {name}_selftest(void);\n" for name in graphs)
    calls = "".join(f"    if ({name}_selftest() != 0) return {number + 1};\n" for number, name in enumerate(graphs))
    executable = compile_c(
        tmp_path, program, "gcc", *STRICT, main=f"{declared}int main(void) {{\n{calls}    return 0;\n}}\n"
    )
    failed = subprocess.run([executable], check=False).returncode
    assert failed == 0, list(SCANS)[failed - 1]


def test_a_state_starts_at_its_zero_point_at_every_run(host: Run) -> None:
    type = Type((2,), "int8", 1.0, zero_point=-7)
    graph = scanned(replace(running_sum(), types=dict.fromkeys(("s", "h", "sum"), type)))
    x = np.random.default_rng(0).integers(-20, 20, (5, 3, 2))
    assert np.array_equal(host(graph, x)[0], run_integer(graph, x))


def test_the_entry_says_what_the_c_holds() -> None:
    graph = quantised(dense_tanh())
    program = emit({"tiny": graph})
    (entry,) = program.entries
    text = program.files["tiny.c"]
    sizes = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4}
    held = sum(
        sizes[c_type] * int(count) for c_type, count in re.findall(r"^static const (\w+) \w+\[(\d+)\]", text, re.M)
    )
    arenas = sum(
        sizes[c_type] * int(count) for c_type, count in re.findall(r"^static (\w+) \w+_arena_\w+\[(\d+)\]", text, re.M)
    )
    assert (sum(entry.constant_bytes.values()), entry.arena_bytes) == (held, arenas)
    assert (entry.labels, entry.graph_hash) == (("no", "yes"), graph.hash)
    assert graph.hash in text
    assert "belongs to you" in text
    assert not re.search(r"\b(float|double|malloc|free)\s*[(*]", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-1, "-1"),
        (32767, "32767"),
        (-32767, "-32767"),
        (-32768, "INT32_C(-32768)"),
        (32768, "INT32_C(32768)"),
    ],
)
def test_literals_are_right_where_int_has_16_bits(value: int, text: str) -> None:
    assert literal(value) == text


def test_numbers_in_the_header_are_doubles() -> None:
    assert [real(value) for value in (1.0, 0.1, 2.0**-15, 1e-7, 3)] == [
        "1.0",
        "0.1",
        "3.0517578125e-05",
        "1e-07",
        "3.0",
    ]
    assert literal(-(2**31)) == "(-INT32_C(2147483647) - 1)"


def test_every_function_has_a_name_of_its_own() -> None:
    """A kernel is known by its name alone, whatever file it comes from."""
    from importlib import resources

    folder = resources.files("edgewright.ops")
    files = [file.name for file in folder.iterdir() if file.name.endswith((".c", ".h"))]
    found = [name for file in files for name in library.functions_of(file)]
    assert len(found) == len(set(found)) > 30
