"""The float build that the integers are held against: a float graph of our learners as straightforward C with libm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.rivals.generators import Sources
from edgewright.errors import UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array

# Constants stay in program memory on an AVR, as ours do.
_PRELUDE = """#include <math.h>
#include <stdint.h>
#ifdef __AVR__
#include <avr/pgmspace.h>
#define DATA PROGMEM
#define REAL(p) pgm_read_float(p)
#define INDEX(p) pgm_read_word(p)
#else
#define DATA
#define REAL(p) (*(p))
#define INDEX(p) (*(p))
#endif

static void dense(const float *x, float *y, const float *w, const float *bias, uint16_t rows, uint16_t columns) {
  for (uint16_t r = 0; r < rows; r++) {
    float sum = REAL(&bias[r]);
    for (uint16_t c = 0; c < columns; c++)
      sum += REAL(w++) * x[c];
    y[r] = sum;
  }
}

static void sparse(const float *x, float *y, const float *w, const uint16_t *columns, const uint16_t *counts,
                   const float *bias, uint16_t rows) {
  for (uint16_t r = 0; r < rows; r++) {
    float sum = REAL(&bias[r]);
    for (uint16_t n = INDEX(&counts[r]); n > 0; n--)
      sum += REAL(w++) * x[INDEX(columns++)];
    y[r] = sum;
  }
}

static void distances(const float *x, float *y, const float *prototypes, uint16_t rows, uint16_t columns) {
  for (uint16_t r = 0; r < rows; r++) {
    float sum = 0.0f;
    for (uint16_t c = 0; c < columns; c++) {
      float difference = x[c] - REAL(prototypes++);
      sum += difference * difference;
    }
    y[r] = sum;
  }
}

static void path(const float *x, uint16_t *nodes, const float *w, uint16_t depth, uint16_t columns) {
  uint16_t node = 0;
  nodes[0] = 0;
  for (uint16_t level = 1; level <= depth; level++) {
    const float *row = &w[node * columns];
    float sum = 0.0f;
    for (uint16_t c = 0; c < columns; c++)
      sum += REAL(&row[c]) * x[c];
    node = 2 * node + (sum > 0.0f ? 1 : 2);
    nodes[level] = node;
  }
}

static void cell(const float *a, const float *b, const float *h, float *y, const float *gate_bias, const float *bias,
                 float zeta, float nu, uint16_t units) {
  for (uint16_t i = 0; i < units; i++) {
    float total = a[i] + b[i] + REAL(&gate_bias[i]);
    float gate = 1.0f / (1.0f + expf(-total));
    y[i] = gate * h[i] + (zeta * (1.0f - gate) + nu) * tanhf(total + REAL(&bias[i]));
  }
}

static void chosen(const float *x, const uint16_t *index, float *y, const float *w, uint16_t count, uint16_t rows,
                   uint16_t columns) {
  for (uint16_t i = 0; i < count; i++) {
    const float *block = &w[index[i] * rows * columns];
    for (uint16_t r = 0; r < rows; r++) {
      float sum = 0.0f;
      for (uint16_t c = 0; c < columns; c++)
        sum += REAL(block++) * x[c];
      *y++ = sum;
    }
  }
}
"""


def sources(real: Graph, integers: Graph) -> Sources:
    """Return the C of a float graph up to the scores. A matrix is sparse where the integers store it so.

    Raises UnsupportedModel for an operator that our learners do not have.
    """
    writer = _Writer(frozenset(_sparse_products(integers)))
    writer.graph(real, {real.inputs[0]: "x", real.outputs[0]: "y"}, "")
    body = "\n".join(f"  {line}" for line in writer.statements)
    text = "\n".join(
        (_PRELUDE, *writer.constants, *writer.buffers, f"\nvoid model_run(const float *x, float *y) {{\n{body}\n}}\n")
    )
    header = "void model_run(const float *x, float *y);\n"
    return Sources(
        files={"model.c": text, "model.h": header},
        adapter='#include "model.h"\nvoid rival_run(const float *x, float *y) { model_run(x, y); }\n',
        input="float32",
        inputs=real.input_type.size,
        output="float32",
        outputs=real.output_type.size,
        gives="scores",
        rows=lambda values: np.asarray(values, np.float32).reshape(len(values), -1),
    )


def _sparse_products(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if node.op == "sparse_dense":
            yield node.output
        for value in node.attributes.values():
            if isinstance(value, Graph):
                yield from _sparse_products(value)


@dataclass
class _Writer:
    """Collects the constants, the buffers and the statements of a graph."""

    sparse: frozenset[str]
    constants: list[str] = field(default_factory=list)
    buffers: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    def graph(self, graph: Graph, where: dict[str, str], prefix: str) -> None:
        """Append a graph. where: value -> C expression of those that live outside; the others get static buffers.

        A buffer whose value nobody reads any more is taken by the next value of its kind and size.
        """
        kept = {*graph.outputs, *graph.state, *graph.state.values()}
        last = {value: place for place, node in enumerate(graph.nodes) for value in node.inputs.values()}
        free: dict[tuple[str, int], list[str]] = {}
        for place, node in enumerate(graph.nodes):
            if node.output not in where:
                kind = ("uint16_t" if node.op == "tree_path" else "float", graph.types[node.output].size)
                where[node.output] = free[kind].pop() if free.get(kind) else self.buffer(*kind)
            write = _WRITERS.get(node.op)
            if write is None:
                raise UnsupportedModel(f"The float build has no {node.op!r} (node {node.output!r}).")
            write(self, graph, node, where, prefix)
            for value in {*node.inputs.values()} - kept - graph.constants.keys():
                if last[value] == place and where[value].startswith("buffer_"):
                    kind = ("uint16_t" if where[value].startswith("buffer_u") else "float", graph.types[value].size)
                    free.setdefault(kind, []).append(where[value])

    def buffer(self, kind: str, size: int) -> str:
        """Append a static array and return its name."""
        name = f"buffer_{kind[0]}{len(self.buffers)}"
        self.buffers.append(f"static {kind} {name}[{size}];")
        return name

    def constant(self, name: str, values: Array, kind: str = "float") -> str:
        """Append a constant and return its name."""
        numbers = values.ravel().tolist()
        texts = [f"{float(np.float32(v))!r}f" if kind == "float" else str(int(v)) for v in numbers]
        self.constants.append(f"static const {kind} {name}[] DATA = {{{', '.join(texts)}}};")
        return name

    def each(self, count: int, statement: str) -> None:
        """Append a loop over the entries of a vector, counted by i."""
        self.statements.append(f"for (uint16_t i = 0; i < {count}; i++) {statement}")


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _dense(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    matrix, bias = (graph.constants[node.inputs[port]] for port in ("w", "bias"))
    x, y, name = where[node.inputs["x"]], where[node.output], f"k_{prefix}{_plain(node.output)}"
    at = w.constant(f"{name}_bias", bias)
    if node.output in w.sparse:
        kept = matrix != 0
        values = w.constant(f"{name}_w", matrix[kept])
        columns = w.constant(f"{name}_columns", np.nonzero(kept)[1], "uint16_t")
        counts = w.constant(f"{name}_counts", kept.sum(axis=1), "uint16_t")
        w.statements.append(f"sparse({x}, {y}, {values}, {columns}, {counts}, {at}, {len(matrix)});")
    else:
        values = w.constant(f"{name}_w", matrix)
        w.statements.append(f"dense({x}, {y}, {values}, {at}, {len(matrix)}, {matrix.shape[1]});")


def _distances(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    prototypes = graph.constants[node.inputs["prototypes"]]
    name = w.constant(f"k_{prefix}{_plain(node.output)}", prototypes)
    count, columns = prototypes.shape
    w.statements.append(f"distances({where[node.inputs['x']]}, {where[node.output]}, {name}, {count}, {columns});")


def _path(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    matrix = graph.constants[node.inputs["w"]]
    name, depth = w.constant(f"k_{prefix}{_plain(node.output)}", matrix), graph.types[node.output].size - 1
    w.statements.append(f"path({where[node.inputs['x']]}, {where[node.output]}, {name}, {depth}, {matrix.shape[1]});")


def _chosen(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    matrix = graph.constants[node.inputs["w"]]
    name, (count, rows) = w.constant(f"k_{prefix}{_plain(node.output)}", matrix), graph.types[node.output].shape
    x, index = where[node.inputs["x"]], where[node.inputs["index"]]
    w.statements.append(f"chosen({x}, {index}, {where[node.output]}, {name}, {count}, {rows}, {matrix.shape[1]});")


def _scan(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    body, name = node.attributes["body"], f"{prefix}{_plain(node.output)}_"
    steps, *_ = graph.types[node.inputs["x"]].shape
    step, size = body.input_type.size, body.output_type.size
    outside: dict[str, str] = {}
    for state in body.state:
        outside[state] = w.buffer("float", body.types[state].size)
        w.each(body.types[state].size, f"{outside[state]}[i] = 0.0f;")
    order = f"{steps - 1} - n" if node.attributes["reverse"] else "n"
    w.statements.append(f"for (uint16_t n = 0; n < {steps}; n++) {{")
    outside[body.inputs[0]] = f"(&{where[node.inputs['x']]}[({order}) * {step}])"
    w.graph(body, outside, name)
    place = f"({order}) * {size} + i" if node.attributes["output"] == "stacked" else "i"
    w.each(size, f"{where[node.output]}[{place}] = {outside[body.outputs[0]]}[i];")
    for state, following in body.state.items():
        w.each(body.types[state].size, f"{outside[state]}[i] = {outside[following]}[i];")
    w.statements.append("}")


def _cell(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    gate_bias, bias, rates = (
        w.constant(f"k_{prefix}{_plain(node.output)}_{port}", graph.constants[node.inputs[port]])
        for port in ("gate_bias", "bias", "rates")
    )
    a, b, h = (where[node.inputs[port]] for port in ("a", "b", "h"))
    y, units = where[node.output], graph.types[node.output].size
    w.statements.append(
        f"cell({a}, {b}, {h}, {y}, {gate_bias}, {bias}, REAL(&{rates}[0]), REAL(&{rates}[1]), {units});"
    )


def _sum(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
    if node.attributes["axis"] != 0:
        raise UnsupportedModel(f"The float build sums along the first axis only (node {node.output!r}).")
    count, *rest = graph.types[node.inputs["x"]].shape
    x, y, size = where[node.inputs["x"]], where[node.output], int(np.prod(rest))
    added = " + ".join(f"{x}[{k * size} + i]" for k in range(count))
    w.each(size, f"{y}[i] = {added};")


def _elementwise(expression: str) -> Callable[[_Writer, Graph, Node, dict[str, str], str], None]:
    """Return what writes a loop. expression: of the entries of the ports in braces; constants may have one entry for all."""

    def write(w: _Writer, graph: Graph, node: Node, where: dict[str, str], prefix: str) -> None:
        size, entries = graph.types[node.output].size, {}
        for port, value in node.inputs.items():
            one = graph.types[value].size == 1
            if value in graph.constants:
                name = w.constant(f"k_{prefix}{_plain(node.output)}_{port}", graph.constants[value])
                entries[port] = f"REAL(&{name}[{'0' if one else 'i'}])"
            else:
                entries[port] = f"{where[value]}[{'0' if one else 'i'}]"
        factor = f"{float(node.attributes.get('factor', 1.0))!r}f"
        w.each(size, f"{where[node.output]}[i] = {expression.format(factor=factor, **entries)};")

    return write


_WRITERS: dict[str, Callable[[_Writer, Graph, Node, dict[str, str], str], None]] = {
    "dense": _dense,
    "squared_distance": _distances,
    "tree_path": _path,
    "gather_dense": _chosen,
    "scan": _scan,
    "fastgrnn_cell": _cell,
    "reduce_sum": _sum,
    "add": _elementwise("{a} + {b}"),
    "multiply": _elementwise("{a} * {b}"),
    "add_bias": _elementwise("{x} + {bias}"),
    "affine": _elementwise("{x} * {scale} + {offset}"),
    "tanh": _elementwise("tanhf({x})"),
    "sigmoid": _elementwise("1.0f / (1.0f + expf(-{x}))"),
    "rescale": _elementwise("{x}"),
    "exp": _elementwise("expf({factor} * {x})"),
}
