"""The reference evaluator of the onnx package."""

from __future__ import annotations

import onnx
from onnx.reference import ReferenceEvaluator

from benchmarks.rivals.forward import Forward, Run


def prepare(model: onnx.ModelProto) -> Run:
    evaluator = ReferenceEvaluator(model)
    return lambda x: next(iter(evaluator.run(None, {"x": x})))


ENTRY = Forward("onnx.reference", "onnx", prepare)
