"""TensorFlow Lite: full-integer models keep their integers (Jacob et al., CVPR 2018), float models become float graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from edgewright.errors import BadGraph, BadModelFile, UnsupportedModel, list_problems
from edgewright.frontends import FrontEnd, _tflite_entries, _tflite_products, _tflite_shapes, read_bytes
from edgewright.frontends._tflite_file import Model, Operator, parse
from edgewright.frontends._tflite_flow import Flow, Lower, activation_problems, type_of
from edgewright.ir.graph import Graph
from edgewright.lowering import Builder
from edgewright.runtime.ranges import accumulator_bounds

LOWER: Mapping[str, Lower] = {**_tflite_products.LOWER, **_tflite_entries.LOWER, **_tflite_shapes.LOWER}


def to_graph(path: Path | str) -> Graph:
    """Return the graph of a .tflite file: quantised, with the integers of LiteRT's reference kernels, or float.

    A float input that is quantised at once, and a dequantised output, are left to the host: the graph takes and gives the int8
    values. Images are [height, width, channels]: the batch axis of 1 is dropped. Raises BadModelFile where the file is damaged and
    UnsupportedModel, with everything that stands in the way, where it cannot be compiled.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        graph, found = _graph(parse(data), path.stem)
        if graph is not None:
            if graph.is_quantised:
                accumulator_bounds(graph)
            return graph
    except BadModelFile as error:
        raise BadModelFile(f"{path}: {error}") from error
    except (BadGraph, UnsupportedModel) as error:
        raise UnsupportedModel(f"{path} cannot be compiled. {error}") from error
    raise UnsupportedModel(list_problems(f"{path} cannot be compiled:", found))


def _graph(model: Model, name: str) -> tuple[Graph | None, list[str]]:
    """Return the graph of a model, or everything in it that cannot be compiled, each with what to do."""
    found = []
    if model.subgraphs != 1:
        found.append(f"It has {model.subgraphs} subgraphs; one is allowed. Export it without control flow.")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        found.append(
            f"It has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is allowed. Export its parts."
        )
    if unknown := [operator.name for operator in model.operators if operator.name not in LOWER]:
        found.append(
            f"It needs operators that are not compiled yet: {_counted(unknown)}. Those that are: {', '.join(sorted(LOWER))}. "
            "Build the model from these."
        )
    if found and min(len(model.inputs), len(model.outputs)) == 0:
        return None, found
    walk = _Walk(model, name)
    found += walk.problems()
    return (None, found) if found else (walk.flow.builder.finish(walk.result()), [])


def _counted(names: list[str]) -> str:
    return ", ".join(name if times == 1 else f"{name} ({times} times)" for name, times in Counter(names).items())


class _Walk:
    """Goes through the operators in the order of the file.

    One that cannot be compiled leaves a value of the declared type behind, so that those behind it are checked too.
    """

    def __init__(self, model: Model, name: str) -> None:
        self.model, self.flow = model, Flow(model, Builder(name))
        self.unknown: set[int] = set()  # tensors without even a type
        borders = {number for number, operator in enumerate(model.operators) if _is_border(model, operator)}
        self.begin: dict[int, int] = {}
        self.end: dict[int, int] = {}
        for operator in (model.operators[number] for number in sorted(borders)):
            (before,), (after,) = operator.inputs, operator.outputs
            side, outer, inner = (
                (self.begin, before, after) if operator.name == "QUANTIZE" else (self.end, after, before)
            )
            if outer in side:
                raise BadModelFile(f"The file is damaged: tensor {outer} is made twice.")
            side[outer] = inner
        self.operators = [
            (number, operator) for number, operator in enumerate(model.operators) if number not in borders
        ]

    def result(self) -> str:
        """Return the value of the output. Raises BadModelFile where nothing makes it."""
        last = self.end.get(self.model.outputs[0], self.model.outputs[0])
        if last not in self.flow.values:
            raise BadModelFile(f"The file is damaged: its output, tensor {last}, is never made.")
        return self.flow.values[last]

    def problems(self) -> list[str]:
        """Add all nodes and return what stands in the way."""
        found = []
        for number, index in enumerate(self.model.inputs):
            first = self.begin.get(index, index)
            if first < 0:
                raise BadModelFile("The file is damaged: an input is no tensor.")
            found += [f"Its input: {problem}" for problem in activation_problems(self.model.tensors[first])]
            self._declare(first, "x" if number == 0 else f"x_{number}")
        for number, operator in self.operators:
            found += [f"Operator {number}, {operator.name}: {problem}" for problem in self._add(operator)]
        return found

    def _add(self, operator: Operator) -> list[str]:
        """Add the nodes of an operator and return what stands in the way."""
        for index in operator.outputs:
            if index in self.flow.values or index in self.flow.folded:
                raise BadModelFile(f"The file is damaged: tensor {index} is made twice.")
        problems: list[str] = []
        if operator.name in LOWER and not self.unknown & set(operator.inputs):
            y = self.flow.output(operator)
            try:
                is_constant = operator.name == "DEQUANTIZE" and self.flow.is_constant(operator.inputs[0])
                if wrong := [] if is_constant else activation_problems(y):
                    raise UnsupportedModel("; ".join(wrong))
                value = LOWER[operator.name](self.flow, operator)
                if value:
                    self.flow.values[operator.outputs[0]] = self._as_declared(operator, value)
                return []
            except (BadGraph, UnsupportedModel) as error:
                problems = [str(error)]
        for index in operator.outputs:
            self._declare(index, f"unknown_{index}")
        return problems

    def _declare(self, index: int, name: str) -> None:
        """Declare a tensor as something that is given."""
        if index < 0 or activation_problems(self.model.tensors[index]):
            self.unknown.add(index)
        elif index not in self.flow.values:
            self.flow.values[index] = self.flow.builder.input(name, type_of(self.model.tensors[index]))

    def _as_declared(self, operator: Operator, value: str) -> str:
        """Return the value in the shape that the file gives the output. Raises BadModelFile where it has other entries."""
        y, made = self.flow.output(operator), self.flow.type(value)
        if made.size != type_of(y).size:
            raise BadModelFile(
                f"The file is damaged: {operator.name} makes {list(made.shape)}, and the file says {list(y.shape[1:])}."
            )
        return self.flow.reshaped(value, y.shape[1:])


def _is_border(model: Model, operator: Operator) -> bool:
    """Whether an operator only turns the model's float input into int8, or its int8 output into float."""
    if len(operator.inputs) != 1 or len(operator.outputs) != 1 or min(operator.inputs + operator.outputs) < 0:
        return False
    (before,), (after,) = operator.inputs, operator.outputs
    dtypes = model.tensors[before].dtype, model.tensors[after].dtype
    if operator.name == "QUANTIZE" and dtypes == ("float32", "int8"):
        readers = [other for other in model.operators if before in other.inputs]
        return model.inputs == (before,) and len(readers) == 1
    return operator.name == "DEQUANTIZE" and dtypes == ("int8", "float32") and model.outputs == (after,)


ENTRY = FrontEnd(
    doc="a TensorFlow Lite model",
    suffix=".tflite",
    begins=lambda head: head[4:8] == b"TFL3",
    read=to_graph,
)
