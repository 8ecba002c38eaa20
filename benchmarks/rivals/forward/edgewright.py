"""Ours."""

from __future__ import annotations

import onnx

from benchmarks.rivals.forward import Forward, Run
from edgewright.numpy_backend.execute import plan_model


def prepare(model: onnx.ModelProto) -> Run:
    plan = plan_model(model)
    return lambda x: plan.run({"x": x})[0]


ENTRY = Forward("ours: the NumPy backend", "edgewright", prepare)
