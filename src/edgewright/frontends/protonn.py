"""ProtoNN models as GesturePod ships them: arrays and sizes in a C header (data.h)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, list_problems
from edgewright.frontends import FrontEnd, read_bytes
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

LARGEST_BYTES = 16 * 1024 * 1024
LARGEST_SIZE = 2**15 - 1
SIZES = ("featDim", "ldDim", "numPrototypes", "numLabels")
DECLARATION = re.compile(
    r"(?:\s*namespace\s+\w+\s*\{)?[\s}]*(?:(?:static|const)\s+)*(?:float|double|int|unsigned\s+int|unsigned)\s+(\w+)\s*"
    r"((?:\[[^\]]*\]\s*)*)=(.*)",
    re.DOTALL,
)
COMMENT = re.compile(r"//|/\*")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fFuU]?")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProtoNNModel:
    """Scores are labels.T @ exp(-gamma^2 |projection @ x - prototypes|^2) (Gupta et al., ICML 2017).

    projection: [dimensions, features]; prototypes: [count, dimensions]; labels: [count, classes].
    """

    gamma: float
    projection: Floats
    prototypes: Floats
    labels: Floats

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the model to a float graph that holds the features x, and return its scores [classes]."""
        z = _dense(builder, "projection", self.projection, x)
        prototypes = builder.constant("prototypes", self.prototypes)
        distance = builder.node("squared_distance", "distance", x=z, prototypes=prototypes)
        closeness = builder.node("exp", "closeness", x=distance, attributes={"factor": -(self.gamma**2)})
        return _dense(builder, "scores", self.labels.T, closeness)

    def graph(self, name: str = "model") -> Graph:
        """Return the model as a float graph from features to scores, a class a number."""
        builder = Builder(name)
        x = builder.input("x", Type((self.projection.shape[1],)))
        return builder.finish(self.add_to(builder, x), labels=tuple(map(str, range(self.labels.shape[1]))))


def read_model(path: Path) -> ProtoNNModel:
    """Return the model in a header that holds the sizes, gamma and the three matrices by GesturePod's names, row after row.

    Nothing in it is executed: only declarations of numbers are read. Raises BadModelFile, which lists what is missing or of another size.
    """
    data = read_bytes(path, LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise BadModelFile(f"{path} is larger than {LARGEST_BYTES // 1024**2} MiB, so no model for a small device.")
    try:
        text = _without_comments(data.decode("utf-8"))
        numbers = dict(_declared(text))
    except ValueError as error:
        raise BadModelFile(f"{path} is no header of a ProtoNN model: {error}") from error
    sizes, problems = _sizes(numbers)
    features, dimensions, count, classes = (sizes.get(name, 0) for name in SIZES)
    shapes = {
        "ldProjectionMatrix": (dimensions, features),
        "prototypeMatrix": (count, dimensions),
        "prototypeLabelMatrix": (count, classes),
    }
    for name, (rows, columns) in {"gamma": (1, 1), **shapes}.items():
        found = numbers.get(name)
        if found is None:
            problems.append(f"{name} is not declared.")
        elif not problems and found.size != rows * columns:
            problems.append(f"{name} holds {found.size:,} numbers where {rows} x {columns} are needed.")
        elif not np.isfinite(found).all():
            problems.append(f"{name} holds numbers that are too large.")
    if problems:
        raise BadModelFile(list_problems(f"{path} is no header of a ProtoNN model:", problems))
    projection, prototypes, labels = (numbers[name].reshape(shape) for name, shape in shapes.items())
    return ProtoNNModel(float(numbers["gamma"][0]), projection, prototypes, labels)


def _sizes(numbers: dict[str, Floats]) -> tuple[dict[str, int], list[str]]:
    """Return the sizes, and what is wrong with them."""
    sizes: dict[str, int] = {}
    problems = []
    for name in SIZES:
        found = numbers.get(name)
        if found is None:
            problems.append(f"{name} is not declared.")
        elif found.size != 1 or found[0] != np.round(found[0]) or not 1 <= found[0] <= LARGEST_SIZE:
            problems.append(f"{name} must be a whole number in 1..{LARGEST_SIZE}.")
        else:
            sizes[name] = int(found[0])
    return sizes, problems


def _without_comments(text: str) -> str:
    """Return C without its comments. Raises ValueError for one that does not end."""
    parts = []
    place = 0
    while (start := COMMENT.search(text, place)) is not None:
        parts.append(text[place : start.start()])
        block = start[0] == "/*"
        end = text.find("*/" if block else "\n", start.end())
        if end < 0 and block:
            raise ValueError("a comment does not end.")
        place = len(text) if end < 0 else end + 2 * block
    return "".join([*parts, text[place:]])


def _declared(text: str) -> list[tuple[str, Floats]]:
    """Return the names and numbers of all declarations. Raises ValueError for anything that is no number."""
    found = []
    for statement in text.split(";"):
        match = DECLARATION.fullmatch(statement)
        if match is None:
            if "=" in statement:
                raise ValueError(f"{' '.join(statement.split())[:60]!r} is no declaration of numbers.")
            continue
        name, brackets, values = match.groups()
        cells = [cell.strip() for cell in values.translate({ord("{"): " ", ord("}"): " "}).split(",")]
        if brackets and not cells[-1]:
            cells.pop()  # C allows a comma at the end
        wrong = [cell for cell in cells if not NUMBER.fullmatch(cell)]
        if wrong:
            raise ValueError(f"{name} holds {wrong[0][:40]!r} where a number is needed.")
        found.append((name, np.array([float(cell.rstrip("fFuU")) for cell in cells])))
    return found


def _dense(builder: Builder, name: str, weight: Floats, x: str) -> str:
    w = builder.constant(f"{name}.w", weight)
    return builder.node("dense", name, x=x, w=w, bias=builder.constant(f"{name}.bias", np.zeros(len(weight))))


ENTRY = FrontEnd(
    doc="ProtoNN, as GesturePod ships it: a C header with the matrices",
    suffix=".h",
    begins=lambda head: head.lstrip().startswith((b"/*", b"//", b"namespace", b"const", b"static", b"float")),
    read=lambda path: read_model(path).graph(),
)
