"""beaverpy, which computes single layers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from benchmarks.rivals import environment
from benchmarks.rivals.forward import Forward, Run
from edgewright.ir.types import Array


def prepare(model: onnx.ModelProto) -> Run:
    # Pure Python, so that it can run in this very process; the packages beside it stay ours, as they are found first.
    sys.path.append(str(environment.site_packages()))
    import beaverpy  # type: ignore[import-not-found]

    (node,) = model.graph.node
    kernels = numpy_helper.to_array(model.graph.initializer[0])
    given: dict[str, Any] = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}

    def run(x: Array) -> Array:
        layer = beaverpy.Conv2D(
            kernels.shape[1] * given["group"],
            kernels.shape[0],
            tuple(kernels.shape[2:]),
            padding=tuple(given["pads"][:2]),
            stride=tuple(given["strides"]),
            groups=given["group"],
        )
        return np.asarray(layer.forward(x, list(kernels)))

    return run


ENTRY = Forward("beaverpy", "beaverpy", prepare, rival=True, single=True)
