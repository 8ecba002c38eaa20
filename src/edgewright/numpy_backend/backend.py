"""The interface by which ONNX's own tools run a backend (onnx.backend.base)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.checker
from onnx.backend.base import Backend, BackendRep, Device, DeviceType, namedtupledict

from edgewright.errors import BadInput, BadModelFile
from edgewright.numpy_backend._values import Value
from edgewright.numpy_backend.execute import Plan, plan_model


class PreparedModel(BackendRep):
    """A model that is ready to run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return the outputs, by position and by name. inputs: a mapping by name, a sequence by position, or one array."""
        given = _by_name(inputs, [name for name in self.plan.inputs if name not in self.plan.constants])
        results: tuple[Any, ...] = namedtupledict("Outputs", list(self.plan.outputs))(*self.plan.run(given))
        return results


class NumpyBackend(Backend):
    """ONNX models on NumPy alone."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Return whether every operator of a model is there."""
        try:
            plan_model(model)
        except BadInput:
            return False
        return cls.supports_device(device)

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> PreparedModel:
        """Return a model ready to run. Raises BadModelFile where it is not valid, UnsupportedModel with all missing operators."""
        _check_device(device)
        try:
            onnx.checker.check_model(model)
        except (onnx.checker.ValidationError, ValueError) as error:
            raise BadModelFile(f"This is no valid ONNX model: {error}") from error
        return PreparedModel(plan_model(model))

    @classmethod
    def run_node(
        cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None, **kwargs: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Return the outputs of one node. opset_version: by keyword, the newest where it is left out."""
        _check_device(device)
        version = int(kwargs.get("opset_version", onnx.defs.onnx_opset_version()))
        names = list(dict.fromkeys(name for name in node.input if name))
        nothing = onnx.TypeProto()
        graph = onnx.helper.make_graph(
            [node],
            node.op_type,
            [onnx.helper.make_value_info(name, nothing) for name in names],
            [onnx.helper.make_value_info(name, nothing) for name in node.output if name],
        )
        domains = {"": onnx.defs.onnx_opset_version()} | {node.domain: version}
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid(*item) for item in domains.items()]
        )
        return PreparedModel(plan_model(model)).run(_by_name(inputs, names))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Return whether this is the processor: there is no other device."""
        try:
            return Device(device).type == DeviceType.CPU
        except (AttributeError, ValueError):
            return False


def _check_device(device: str) -> None:
    if not NumpyBackend.supports_device(device):
        raise BadInput(f"There is no device {device!r} here; allowed: CPU.")


def _by_name(inputs: Any, names: Sequence[str]) -> dict[str, Value]:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    values = [inputs] if isinstance(inputs, np.ndarray | np.generic) else list(inputs)
    if len(values) != len(names):
        raise BadInput(f"The model takes {len(names)} inputs ({', '.join(names)}) and was given {len(values)}.")
    return dict(zip(names, values, strict=True))


prepare = NumpyBackend.prepare
run_model = NumpyBackend.run_model
run_node = NumpyBackend.run_node
supports_device = NumpyBackend.supports_device
