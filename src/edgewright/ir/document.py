"""One file a graph: a safetensors file whose metadata is the graph as JSON. Nothing in it is executed.

Safetensors checks its header and every offset against the size of the file before anything is allocated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from edgewright.errors import BadModelFile
from edgewright.files import write_file
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.ir.verify import verify_structure

FORMAT = "edgewright-graph-1"  # the only key of the metadata, so that equal graphs are equal files
LARGEST_DEPTH = 4  # bodies within bodies


def to_document(graph: Graph) -> tuple[str, dict[str, Array]]:
    """Return a graph as canonical JSON and its constants, those of bodies under "node/value"."""
    arrays: dict[str, Array] = {}
    plain = _plain_graph(graph, "", arrays)
    return json.dumps(plain, sort_keys=True, separators=(",", ":")), arrays


def from_document(document: str, arrays: dict[str, Array]) -> Graph:
    """Return the graph of a document. Raises BadModelFile where it is not one."""
    try:
        return _graph(json.loads(document), "", arrays, 0)
    except BadModelFile:
        raise
    except (LookupError, TypeError, AttributeError, RecursionError, ValueError, OverflowError) as error:
        raise BadModelFile(f"The graph's document is damaged: {error!r}.") from error


def save(graph: Graph, path: Path | str) -> None:
    """Write a graph to one file, whole or not at all."""
    document, arrays = to_document(graph)
    contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    write_file(Path(path), safetensors.numpy.save(contiguous, {FORMAT: document}))


def load(path: Path | str) -> Graph:
    """Read a graph from a file. Raises BadModelFile where it is damaged or something else."""
    path = Path(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dictionary)
    except FileNotFoundError as error:
        raise BadModelFile(f"There is no file {path}.") from error
    except (safetensors.SafetensorError, OSError) as error:
        raise BadModelFile(f"{path} is not a graph that Edgewright saved, or it is damaged: {error}.") from error
    if FORMAT not in metadata:
        raise BadModelFile(
            f"{path} is a safetensors file, but holds no {FORMAT!r}: it is not a graph that Edgewright saved."
        )
    return verify_structure(from_document(metadata[FORMAT], arrays))


def _plain_graph(graph: Graph, prefix: str, arrays: dict[str, Array]) -> dict[str, Any]:
    arrays.update({prefix + value: array for value, array in graph.constants.items()})
    return {
        "name": graph.name,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "state": dict(graph.state),
        "labels": list(graph.labels),
        "constants": sorted(graph.constants),
        "types": {value: _plain_type(type) for value, type in graph.types.items()},
        "nodes": [
            {
                "op": node.op,
                "inputs": dict(node.inputs),
                "output": node.output,
                "attributes": {
                    key: {"graph": _plain_graph(item, f"{prefix}{node.output}/", arrays)}
                    if isinstance(item, Graph)
                    else item
                    for key, item in node.attributes.items()
                },
            }
            for node in graph.nodes
        ],
    }


def _plain_type(type: Type) -> dict[str, Any]:
    plain: dict[str, Any] = {"shape": list(type.shape), "dtype": type.dtype}
    if type.scale is not None:
        plain["scale"] = list(type.scale) if isinstance(type.scale, tuple) else type.scale
    if type.zero_point:
        plain["zero_point"] = type.zero_point
    if type.axis is not None:
        plain["axis"] = type.axis
    if type.limits is not None:
        plain["limits"] = list(type.limits)
    return plain


def _graph(plain: Any, prefix: str, arrays: dict[str, Array], depth: int) -> Graph:
    if depth > LARGEST_DEPTH:
        raise BadModelFile(f"The graph nests more than {LARGEST_DEPTH} bodies.")
    nodes = []
    for node in plain["nodes"]:
        attributes = {
            key: _graph(item["graph"], f"{prefix}{node['output']}/", arrays, depth + 1)
            if isinstance(item, dict)
            else _frozen(item)
            for key, item in node["attributes"].items()
        }
        nodes.append(Node(str(node["op"]), _names(node["inputs"]), str(node["output"]), attributes))
    return Graph(
        inputs=tuple(map(str, plain["inputs"])),
        outputs=tuple(map(str, plain["outputs"])),
        nodes=tuple(nodes),
        types={str(value): _type(type) for value, type in plain["types"].items()},
        constants={str(value): arrays[prefix + value] for value in plain["constants"]},
        state=_names(plain["state"]),
        labels=tuple(map(str, plain["labels"])),
        name=str(plain["name"]),
    )


def _type(plain: Any) -> Type:
    scale = plain.get("scale")
    limits = plain.get("limits")
    return Type(
        shape=tuple(int(size) for size in plain["shape"]),
        dtype=str(plain["dtype"]),
        scale=tuple(map(float, scale)) if isinstance(scale, list) else None if scale is None else float(scale),
        zero_point=int(plain.get("zero_point", 0)),
        axis=None if plain.get("axis") is None else int(plain["axis"]),
        limits=None if limits is None else (int(limits[0]), int(limits[1])),
    )


def _names(plain: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in plain.items()}


def _frozen(item: Any) -> Any:
    return tuple(map(_frozen, item)) if isinstance(item, list) else item
