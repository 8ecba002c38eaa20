"""emx-onnx-cgen: loops in float."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals import environment
from benchmarks.rivals.cases import Case, as_onnx
from benchmarks.rivals.generators import Generator, Sources
from edgewright.boards import Board

_SCRIPT = """
import subprocess, sys
command = [sys.executable, "-m", "emx_onnx_cgen", "compile", "model.onnx", "out/network.c", "--model-name", "network"]
sys.exit(subprocess.run(command).returncode)
"""


def sources(case: Case, board: Board) -> Sources:
    files = environment.generate(_SCRIPT, {"model.onnx": as_onnx(case)})
    features, classes = case.x_train.shape[1], len(case.estimator.classes_)
    adapter = (
        f"void network(const float x[1][{features}], float y[1][{classes}]);\n"
        "void rival_run(const float *x, float *y) {\n"
        f"    network((const float (*)[{features}])x, (float (*)[{classes}])y);\n}}\n"
    )
    return Sources(
        files, adapter, "float32", features, "float32", classes, "scores", lambda values: values.astype(np.float32)
    )


ENTRY = Generator(doc="emx-onnx-cgen: loops in float", package="emx-onnx-cgen", cases=("network",), make=sources)
