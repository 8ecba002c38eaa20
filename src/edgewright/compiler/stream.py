"""From a graph of a whole sequence to a stream of samples: the same integers, computed as the samples come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgewright import ops
from edgewright.errors import BadGraph, BadInput
from edgewright.ir.graph import Graph, Node
from edgewright.ir.stream import Stage, Stream, element_of
from edgewright.ir.types import Type

ENTRYWISE = ("lookup", "rescale", "standardise", "affine", "clip", "add", "subtract", "multiply")


def to_stream(graph: Graph, every: int | None = None) -> Stream:
    """Return the stream of a quantised graph whose input is a sequence of samples [steps, ...].

    Its answers are those of the graph on samples 0..steps, every..every + steps, and so on, bit for bit; each is there as soon as
    the last sample that it depends on is. every: samples from one answer to the next, as many as a sequence has unless given.
    From the input on, as long as what has been made so far is read by one node only:

    1. A scan without state, `stacked` (a map), becomes a stage that takes element by element.
       So does an operator that treats all entries alike, and a reshape of the elements.
    2. `windows` that only such a map reads become a stage that takes `size` elements and moves on by `stride`.
    3. Where those windows follow each other without gap or overlap (size == stride), rules 1 to 6 hold for the map's body in turn, as
       for answers that do not overlap, so that what a window needs is computed while it comes in; unless elements at its end are unused.
    4. Where answers do not overlap (every >= the samples that one depends on), a scan forwards becomes a stage that takes element by
       element and carries its state: `last` hands on after as many runs as it has steps, `stacked` after each.
    5. So do `windows` that only such a scan reads, by rule 2. A scan with `until` hands on in the step in which it ends, and the
       samples that follow are passed over up to the next window.
    6. What is left when no other rule holds (a scan in reverse, several readers, overlapping answers, every other operator) runs
       whenever all elements that it needs are there; it keeps them where they are several.

    Raises BadGraph where the graph is not quantised or takes no sequence, BadInput where answers so often cannot share what
    rules 1 to 3 compute.
    """
    if not graph.is_quantised:
        raise BadGraph(f"The graph {graph.name!r} is not quantised; quantise it first.")
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BadGraph(
            f"The graph {graph.name!r} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a stream takes one of each."
        )
    steps = graph.input_type.shape[0] if graph.input_type.shape else 1
    if steps == 1 or graph.state:
        raise BadGraph(
            f"The graph {graph.name!r} takes {graph.input_type} and no sequence of samples [steps, ...] with 2 steps or more; it needs "
            "no stream."
        )
    every = steps if every is None else every
    if every < 1:
        raise BadInput(
            f"An answer every {every} samples cannot be; give 1 or more, as {steps} for each whole sequence."
        )
    graph = ops.verify(graph)
    stages = _apart(graph)
    alone = Stream(stages, steps, max(every, steps), begins_anew=True, name=graph.name)
    if alone.first > every:
        return Stream(_overlapping(graph, every), steps, every, begins_anew=False, name=graph.name)
    aligned = every == _period(stages) and not alone.exits_early
    return replace(alone, every=every, begins_anew=not aligned)


def _period(stages: tuple[Stage, ...]) -> int:
    """Return after how many elements stages that go on by themselves hand on again."""
    period = 1
    for stage in stages:
        period *= stage.stride * stage.every
    return period


@dataclass(frozen=True)
class _Part:
    """The nodes that read a sequence first: a scan, perhaps of windows.

    count: its steps. rest: what is made of the scan's output, None if that is the answer.
    """

    scan: Node
    body: Graph
    size: int
    stride: int
    count: int
    rest: Graph | None

    @property
    def is_map(self) -> bool:
        """Whether it makes of each element something of its own."""
        return not self.body.state and self.scan.attributes["output"] == "stacked"

    @property
    def is_forwards(self) -> bool:
        """Whether it can run as the elements come."""
        return self.is_map or not self.scan.attributes.get("reverse")


def _part(graph: Graph) -> _Part | None:
    """Return the scan that alone reads the input of a graph, or windows of it."""
    (x,) = graph.inputs
    node = _only_reader(graph, x)
    if node is not None and (entries := _of_entries(graph, node)):
        node = Node("scan", {"x": x}, node.output, {"body": entries, "output": "stacked"})
    windows = node if node is not None and node.op == "windows" else None
    if windows is not None:
        node = _only_reader(graph, windows.output)
    if node is None or node.op != "scan":
        return None
    body: Graph = node.attributes["body"]
    size, stride = (windows.attributes["size"], windows.attributes["stride"]) if windows else (1, 1)
    if windows and size == stride == 1:
        body = _of_element(body)
    count = graph.types[node.inputs["x"]].shape[0]
    rest = None if graph.outputs == (node.output,) else _after(graph, node.output)
    if rest is None:
        body = replace(body, labels=graph.labels)
    return _Part(node, replace(body, name=graph.name), size, stride, count, rest)


def _apart(graph: Graph) -> tuple[Stage, ...]:
    """Return the stages of a graph whose answers do not overlap."""
    steps = graph.input_type.shape[0]
    part = _part(graph)
    if part is None or not part.is_forwards:
        return (_whole(graph, steps),)
    last = part.scan.attributes["output"] == "last"
    until = part.scan.attributes.get("until")
    if part.is_map:
        stages = _mapped(part)
    else:
        every = part.count if last else 1
        stages = (Stage(part.body, part.size, part.stride, every, part.count, until),)
    if last:
        return stages if part.rest is None else (*stages, Stage(part.rest))
    if part.rest is None:  # one answer holds all that is stacked
        return (_whole(graph, steps),)
    return (*stages, *_apart(part.rest))


def _overlapping(graph: Graph, every: int, samples: int = 1) -> tuple[Stage, ...]:
    """Return the stages of a graph whose answers overlap: those that answers share, and one that sees all of the rest at once.

    every: elements from one answer to the next. samples: how many an element moves on by.
    """
    steps = graph.input_type.shape[0]
    part = _part(graph)
    if part is None or not part.is_map or part.rest is None:
        return (Stage(graph if steps > 1 or every > 1 else _of_element(graph), steps, every),)
    if every % part.stride:
        hop = part.stride * samples
        below = every * samples // hop * hop
        nearest = f"{below} or {below + hop}" if below else str(hop)
        raise BadInput(
            f"Answers every {every * samples} samples cannot share the windows that {graph.name!r} makes, which move on by {hop}; "
            f"the nearest that can: {nearest}."
        )
    return (*_mapped(part), *_overlapping(part.rest, every // part.stride, samples * part.stride))


def _mapped(part: _Part) -> tuple[Stage, ...]:
    """Return the stages of a map: those of its body where windows follow each other, else one."""
    if part.size == part.stride > 1:
        stages = _apart(part.body)
        needed = 1
        for stage in reversed(stages):
            needed = stage.needed(needed)
        if needed == _period(stages) == part.size and not any(stage.until for stage in stages):
            return stages
    return (Stage(part.body, part.size, part.stride),)


def _whole(graph: Graph, steps: int) -> Stage:
    """Return a stage that sees a whole sequence at once."""
    return Stage(graph if steps > 1 else _of_element(graph), steps, steps)


def _of_entries(graph: Graph, node: Node) -> Graph | None:
    """Return what a node does to one element of the input, where it does that to each; else None."""
    (x,) = graph.inputs
    given, made = graph.types[x], graph.types[node.output]
    others = [value for value in node.inputs.values() if value != x]
    constant = all(value in graph.constants and len(graph.types[value].shape) < len(given.shape) for value in others)
    alike = node.op in ENTRYWISE and made.shape == given.shape
    reshaped = node.op == "reshape" and made.shape[:1] == given.shape[:1]
    if not constant or not (alike or reshaped) or list(node.inputs.values()).count(x) > 1:
        return None
    attributes = {**node.attributes, "shape": made.shape[1:]} if reshaped else node.attributes
    types = {value: graph.types[value] for value in others} | {x: element_of(given), node.output: element_of(made)}
    constants = {value: graph.constants[value] for value in others}
    nodes = (replace(node, attributes=attributes),)
    return replace(graph, outputs=(node.output,), nodes=nodes, types=types, constants=constants, labels=())


def _of_element(graph: Graph) -> Graph:
    """Return a graph that takes [1, ...] as one that takes the element: what a stage of size 1 gives it."""
    (x,) = graph.inputs
    type = graph.types[x]
    name = x + "_"
    while name in graph.types:
        name += "_"
    node = Node("reshape", {"x": name}, x, {"shape": type.shape})
    return replace(graph, inputs=(name,), nodes=(node, *graph.nodes), types={**graph.types, name: element_of(type)})


def _only_reader(graph: Graph, value: str) -> Node | None:
    """Return the node that reads a value, where it is the only one and nothing else shows the value."""
    readers = graph.readers(value)
    return readers[0] if len(readers) == 1 and value not in graph.outputs else None


def _after(graph: Graph, value: str) -> Graph:
    """Return what a graph makes of a value, which becomes its input."""
    wanted, nodes = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if node.output in wanted and node.output != value:
            nodes.append(node)
            wanted.update(node.inputs.values())
    wanted.add(value)
    types: dict[str, Type] = {name: type for name, type in graph.types.items() if name in wanted}
    constants = {name: array for name, array in graph.constants.items() if name in wanted}
    return replace(graph, inputs=(value,), nodes=tuple(reversed(nodes)), types=types, constants=constants)
