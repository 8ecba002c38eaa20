"""ONNX models: the graph computes what the NumPy backend computes, and the C what the integer graph does."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_onnx import LAYER, MODELS, Small, behind, chain, floats, integers, one
from test_frontends_fuzz import mutations, outcomes_of
from test_onnx_images import NETWORKS
from test_onnx_recurrent import GATES

from edgewright import deploy, frontends
from edgewright.cli import main
from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import quantise
from edgewright.errors import BadInput, BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_classical import CLASSICAL
from edgewright.frontends._onnx_rules import RULES
from edgewright.frontends.onnx import to_graph
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.numpy_backend.execute import run_model
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

Run = Callable[..., list[Array]]
MUTATIONS = 300


def save(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def read(small: Small, folder: Path) -> Graph:
    return frontends.read(save(small.proto(), folder))


def rows_for(small: Small) -> Array:
    count = small.batch if isinstance(small.batch, int) else 20
    return np.random.default_rng(1).normal(0.0, 1.0, (count, *small.shape)).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_a_graph_computes_what_the_model_does(name: str, tmp_path: Path) -> None:
    small = MODELS[name]
    graph, x = read(small, tmp_path), rows_for(small)
    (expected,) = run_model(small.proto(small.scores), {"in": x})
    actual = run_float(graph, x)
    assert actual.shape == expected.shape
    assert np.unique(expected).size > 1
    assert np.abs(actual - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    classes = expected.shape[1] if small.scores != "out" else 0
    assert graph.labels == tuple(map(str, range(classes)))


def test_every_node_has_a_model() -> None:
    elsewhere = {"Conv", "MaxPool", "AveragePool", *GATES, "QuantizeLinear", "DequantizeLinear"}
    found = {node.op_type for small in (*MODELS.values(), *NETWORKS.values()) for node in small.nodes}
    classical = {f"ai.onnx.ml:{op}" for op in CLASSICAL}
    assert found | elsewhere | classical >= set(RULES)


def test_c_equals_the_integers(tmp_path: Path, host: Run) -> None:
    graphs = {}
    for number, small in enumerate(MODELS.values()):
        graphs[f"m{number}"] = quantise(read(small, tmp_path), rows_for(small)), rows_for(small)
    program = emit({name: graph for name, (graph, _) in graphs.items()})
    for name, (graph, rows) in graphs.items():
        x = quantise_array(rows, graph.input_type).astype(graph.input_type.dtype)
        assert np.array_equal(host(program, x, model=name)[0], run_integer(graph, x)), name


def test_layers_in_a_row_become_one(tmp_path: Path) -> None:
    """A bias, a scaling and a normalisation behind a product go into its weights; standardisation becomes one node."""
    graph = read(MODELS["perceptron, opset 17"], tmp_path)
    assert [node.op for node in graph.nodes] == ["affine", "dense", "relu", "dense"]
    assert [node.op for node in read(MODELS["BatchNormalization"], tmp_path).nodes] == ["dense"]
    assert [node.op for node in read(MODELS["Add behind a Relu"], tmp_path).nodes] == ["relu", "add_bias"]
    shared = read(MODELS["a value with two readers"], tmp_path)
    assert [node.op for node in shared.nodes].count("dense") == 1


def test_a_torch_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(
        *(torch.nn.Flatten(), torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout()),
        *(torch.nn.Linear(8, 3), torch.nn.LogSoftmax(1)),
    ).eval()
    path = tmp_path / "torch.onnx"
    x = torch.randn(9, 2, 3)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (x[:1],), str(path), dynamo=False, dynamic_axes={"x": {0: "n"}}, input_names=["x"])
    except (ImportError, TypeError, RuntimeError) as error:
        pytest.skip(f"torch.onnx cannot export here: {error}")
    graph = frontends.read(path)
    with torch.no_grad():
        expected = model[:-1](x).numpy()
    assert graph.labels == ("0", "1", "2")
    assert np.abs(run_float(graph, x.numpy()) - expected).max() < 1e-5


def test_compile_for_a_microbit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = MODELS["perceptron, opset 17"]
    path = save(small.proto(), tmp_path)
    np.savez(tmp_path / "table.npz", X=rows_for(small), y=np.arange(20) % 3)
    out = tmp_path / "out"
    given = ["compile", path, "--board", "microbit", "--calibration", tmp_path / "table.npz", "--out", out]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in given])
    assert not ended.value.code, capsys.readouterr()
    assert "int m_predict(" in "".join(file.read_text() for file in (out / "c").rglob("*.h"))


def test_the_class_on_the_board_is_that_of_the_model(tmp_path: Path) -> None:
    small = MODELS["perceptron, opset 17"]
    x = np.random.default_rng(2).normal(0.0, 1.0, (200, 4)).astype(np.float32)
    firmware = deploy(read(small, tmp_path), "host", x)
    (expected,) = run_model(small.proto(), {"in": x})
    assert np.mean(np.asarray(firmware.predict(x)).astype(int) == expected.argmax(1)) > 0.97


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    nodes = chain(
        ("Sin", "in", "a"),
        ("Gemm", "a w b", "c", {"transA": 1}),
        ("Conv", "c k", "d"),
        ("LogSoftmax", "a", "e"),
        ("Relu", "e", "f"),
        ("Clip", "a high low", "g"),
        ("Det", "d f g", "out"),
    )
    small = Small(nodes, {**LAYER, "k": floats(1, 1, 1), "low": np.float32(0.0), "high": np.float32(1.0)})
    with pytest.raises(UnsupportedModel) as caught:
        read(small, tmp_path)
    told = str(caught.value)
    for part in (
        "Node 0 (Sin)",
        "Node 1 (Gemm): transA",
        "Node 3 (LogSoftmax): it works on",
    ):
        assert part in told
    assert "Node 5 (Clip): its lower bound 1" in told
    assert "Node 6 (Det)" in told
    assert told.count("\n  - ") == 5
    assert told.count("Compiled are Gemm, MatMul, ") == 1


@pytest.mark.parametrize(
    ("small", "reason"),
    [
        (Small(one("Relu"), shape=("length",)), r"axis 1 \('length'\).*--input-shape 1,1"),  # type: ignore[arg-type]
        (Small(one("Relu"), shape=()), "a batch axis"),
        (Small(one("Gemm", "w"), {"w": floats(4, 3)}, opset=6), "opset 6"),
        (Small([helper.make_node("MatMul", ["w", "in"], ["out"])], {"w": floats(3, 20)}), "before the batch axis"),
        (Small(chain(("Tanh", "in", "t"), ("MatMul", "in t", "out"))), "two computed values"),
        (Small(one("MatMul", "w"), {"w": floats(1, 4, 3)}), "a matrix of two axes"),
        (Small(one("Add", "c"), {"c": floats(3, 4)}), "does not fit rows"),
        (Small([helper.make_node("Div", ["c", "in"], ["out"])], {"c": floats(4)}), "divides by a computed value"),
        (Small(one("Div", "c"), {"c": np.zeros(1, np.float32)}), "or by 0"),
        (Small(chain(("Tanh", "in", "t"), ("Div", "in t", "out"))), "divides by a computed value"),
        (Small(one("Reshape", "s"), {"s": integers(-1, 2)}), "the batch must stay an axis"),
        (Small(one("Squeeze"), {}, (1, 4)), "the batch axis too"),
        (Small(one("Concat", "in", axis=0)), "along the batch axis"),
        (Small(one("Concat", "c", axis=1), {"c": floats(1, 2)}, batch=1), "joins a constant"),
        (
            Small(
                one("Slice", "s", "e", "a", "t"),
                {**dict.fromkeys("sa", integers(1)), "e": integers(4), "t": integers(2)},
            ),
            "step is 2",
        ),
        (Small(one("ReduceSum")), "all axes"),
        (Small(one("ArgMax")), "along the batch axis"),
        (Small(one("ArgMax", axis=1, select_last_index=1)), "last of equals"),
        (Small(one("LogSoftmax"), {}, (2, 3)), "one vector of scores"),
        (Small(chain(("LogSoftmax", "in", "h"), ("Relu", "h", "out"))), "at the end"),
        (Small(one("Reciprocal")), "not compiled"),
        (Small(one("Pow", "e"), {"e": np.float32(1.5)}), "exponent"),
        (Small(one("Max", "e"), {"e": floats(4)}), "one number"),
        (Small(one("Pad", "p", mode="reflect"), {"p": integers(0, 1, 0, 1)}), "mode is 'reflect'"),
        (Small(one("Pad", "p"), {"p": integers(0, -1, 0, 0)}), "take entries away"),
        (Small(one("Gather", "i", axis=1), {"i": integers(2, 0)}), "no neighbours"),
        (Small(one("PRelu", "s"), {"s": floats(2, 3)}, (2, 3)), "one a channel"),
        (Small(one("ConvTranspose", "w"), {"w": floats(2, 2, 3, 3)}, (2, 4, 4)), "Take a Resize"),
        (Small(one("ConvInteger", "w"), {"w": floats(2, 2, 3, 3)}, (2, 4, 4)), "statically"),
        (Small(one("Conv", "w"), {"w": floats(2, 2, 3, 3, 3)}, (2, 4, 4, 4)), "series .* and images"),
        (Small(one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), {}, (2, 4, 4)), "dilations"),
        (
            Small(one("Resize", "", "", "z", mode="cubic"), {"z": integers(2, 2, 8, 8)}, (2, 4, 4), batch=2),
            "nearest and linear",
        ),
        (Small(one("Resize", "", "", "z"), {"z": integers(2, 2, 7, 8)}, (2, 4, 4), batch=2), "other pixels"),
        (Small(one("QuantizeLinear", "s", "z"), {"s": np.float32(1.0), "z": np.int32(0)}), "int8, uint8"),
        (Small(one("Cast", to=TensorProto.INT64)), "not float"),
        (Small(one("Identity")), "computes nothing"),
        (Small([helper.make_node("Relu", ["c"], ["out"])], {"c": floats(4)}), "does not depend on its input"),
        (Small([helper.make_node("CastMap", ["in"], ["out"], domain="ai.onnx.ml")]), "Cast.*not compiled"),
        (Small(chain(("ConstantOfShape", "s", "c"), ("Add", "in c", "out")), {"s": integers(2**20, 2**20)}), "entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_compiled_is_told(small: Small, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match=re.compile(reason, re.S)):
        read(small, tmp_path)


def test_training_is_refused(tmp_path: Path) -> None:
    dropout = Small(one("Dropout", "r", "t"), {"r": np.float32(0.5), "t": np.array(True)})
    with pytest.raises(UnsupportedModel, match="for inference"):
        read(dropout, tmp_path)


def test_two_inputs_and_two_outputs(tmp_path: Path) -> None:
    proto = Small(chain(("Relu", "in", "a"), ("Add", "a second", "out")), {}).proto
    model = Small(chain(("Relu", "in", "out"))).proto()
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 4]))
    model.graph.output.append(helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 4]))
    with pytest.raises(UnsupportedModel, match=r"2 inputs .* and 2 outputs"):
        to_graph(save(model, tmp_path))
    with pytest.raises(BadModelFile, match="nothing before it makes"):
        to_graph(save(proto(), tmp_path))


def test_open_axes_are_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = chain(
        ("Shape", "in", "s"),
        ("Tanh", "in", "h"),
        ("Reshape", "h s", "g"),
        ("Flatten", "g", "f"),
        ("Gemm", "f w", "out"),
    )
    small = Small(nodes, {"w": floats(12, 2)}, ("rows", 4))  # type: ignore[arg-type]
    path = save(small.proto(), tmp_path)
    for given in ((1, 3, 4), (3, 4)):
        assert frontends.read(path, given).input_type.shape == (3, 4)
    with pytest.raises(UnsupportedModel, match="give a size for each open axis"):
        frontends.read(path, (1, 3, 5))
    frontends.get("onnx").read_shaped(path, (7, 3, 4))  # type: ignore[misc]
    for words, code, told in (
        (["--input-shape", "1,3,4"], 0, "tanh"),
        (["--input-shape", "3x4"], 2, "sizes with commas"),
        ([], 2, "--input-shape 1,1,4"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["show", str(path), "graph", *words])
        shown = capsys.readouterr()
        assert (ended.value.code or 0) == code
        assert told in " ".join((shown.out + shown.err).split())


def test_a_kind_of_file_without_open_axes(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 64)
    with pytest.raises(BadInput, match="leave it out"):
        frontends.read(tmp_path / "m.tflite", (1, 3))


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "link.bin", "/etc/passwd", "", "sub/weights.bin"])
def test_tensors_in_other_files(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    small = Small(behind("Relu"), LAYER)
    proto = small.proto()
    tensor = proto.graph.initializer[0]
    data = tensor.raw_data
    for where in (tmp_path, folder, folder / "sub"):
        (where / "weights.bin").write_bytes(b"\0" * 8 + data)
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": place, "offset": "8", "length": str(len(data))}.items():
        tensor.external_data.add(key=key, value=value)
    if place != "weights.bin":
        with pytest.raises(UnsupportedModel, match="only files in the folder"):
            to_graph(save(proto, folder))
        return
    (expected,) = run_model(small.proto(), {"in": rows_for(small)})
    assert np.allclose(run_float(to_graph(save(proto, folder)), rows_for(small)), expected, atol=1e-5)
    tensor.external_data[1].value = "9"
    with pytest.raises(BadModelFile, match="claims 48 bytes from 9 on"):
        to_graph(save(proto, folder))


def damaged(change: str) -> onnx.ModelProto:
    model = Small(behind("Relu"), LAYER).proto()
    graph = model.graph
    tensor = graph.initializer[0]
    if change == "in another file":
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")
    elif change == "needs":
        tensor.dims[0] = 2**20
    elif change == "which cannot be":
        tensor.dims[0] = 2**62
    elif change == "claims the shape":
        graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**60
    elif change == "nothing before it makes":  # a circle
        graph.node[0].input[0] = "out"
    elif change == "made twice":
        graph.node[1].output[0] = "h"
    elif change == "declared twice":
        graph.initializer.append(tensor)
    elif change == "never made":
        graph.output[0].name = "nowhere"
    elif change == "rows of shape":
        graph.initializer[0].CopyFrom(numpy_helper.from_array(floats(5, 3), "w"))
    return model


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("in another file", "'w' lies in another file"),
        *(
            (word, word)
            for word in ("needs", "which cannot be", "claims the shape", "nothing before it makes", "made twice")
        ),
        *(
            ("declared twice", "declared twice"),
            ("never made", "nothing makes its output"),
            ("rows of shape", "by weights of 5 columns"),
        ),
    ],
)
def test_damage_is_named(change: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadModelFile if "lies" not in reason else UnsupportedModel, match=reason):
        to_graph(save(damaged(change), tmp_path))


def test_hostile_names_stay_in_the_file(tmp_path: Path) -> None:
    proto = Small(behind("Relu"), LAYER).proto()
    hostile = "../../x/*/; int main(void)\n\"'"
    for node in proto.graph.node:
        node.name = hostile
        node.input[:] = [hostile if name == "h" else name for name in node.input]
        node.output[:] = [hostile if name == "h" else name for name in node.output]
    graph = quantise(to_graph(save(proto, tmp_path)), rows_for(Small([])))
    assert all(name.replace("_", "").replace(".", "").isalnum() for name in graph.types)
    assert all(hostile not in text for text in emit({"model": graph}).files.values())


def test_a_file_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    doubling = chain(*(("Concat", f"{'in' if k == 0 else f'v{k}'} " * 2, f"v{k + 1}", {"axis": 1}) for k in range(40)))
    last = helper.make_node("Add", ["v40", "c"], ["out"])
    with pytest.raises(BadModelFile, match="more than any device holds"):
        read(Small([*doubling, last], {"c": floats(1)}), tmp_path)
    with pytest.raises(UnsupportedModel, match="6000 nodes"):
        read(Small(chain(*(("Relu", "in", f"v{k}") for k in range(5999)), ("Relu", "in", "out"))), tmp_path)
    with pytest.raises(UnsupportedModel, match="more than 8 axes"):
        read(Small(one("Unsqueeze", "a"), {"a": integers(*range(1, 40))}), tmp_path)


def test_damaged_files(tmp_path: Path) -> None:
    for seed, name in enumerate(("perceptron, opset 17", "computed shape")):
        data = MODELS[name].proto().SerializeToString()
        outcomes = outcomes_of(tmp_path / "m.onnx", mutations(data, MUTATIONS // 2, seed))
        assert outcomes["BadModelFile"] > MUTATIONS // 8
        assert {"graph", "UnsupportedModel"} <= set(outcomes)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x1c\0\0\0TFL3" + b"\xff" * 64)
    with pytest.raises(BadModelFile, match=r"content is that of a \.tflite"):
        frontends.read(tmp_path / "m.onnx")
