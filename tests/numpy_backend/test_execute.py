"""Models run on NumPy with ONNX's rules of names, functions, subgraphs, types and versions."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.helper
import onnx.parser
import pytest

from edgewright import catalog
from edgewright.errors import BadData, BadInput, BadModelFile, UnsupportedModel
from edgewright.numpy_backend import _table
from edgewright.numpy_backend.backend import NumpyBackend
from edgewright.numpy_backend.execute import plan_model, run_model


def model(text: str, opset: int = 21, more: str = "") -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}{more}]>\n{text}')


def run(text: str, opset: int = 21, **inputs: Any) -> list[Any]:
    return run_model(model(text, opset), inputs)


X = np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]], np.float32)


def test_a_plan_runs_more_than_once() -> None:
    plan = plan_model(model("m (float[2,3] x) => (float[2,3] y) { h = Relu(x)  y = Neg(h) }"))
    for factor in (np.float32(1), np.float32(-2)):
        assert np.array_equal(plan.run({"x": factor * X})[0], -np.maximum(factor * X, 0))


def test_values_are_let_go_after_their_last_use() -> None:
    plan = plan_model(
        model("""m (float[2,3] x, bool c) => (float[2,3] y) { h = Neg(x)  k = Abs(x)  g = Exp(k)
      y = If (c) <then_branch = t () => (float[2,3] s) { s = Identity(h) }, else_branch = e () => (float[2,3] g) {}> }""")
    )
    assert [set(step.done) for step in plan.steps] == [set(), {"x"}, {"k"}, {"c", "h", "g", "s"}]


def test_what_comes_out_is_always_an_array() -> None:
    (y,) = run("m (float x) => (float y) { y = Neg(x) }", x=np.array(2.0, np.float32))
    assert isinstance(y, np.ndarray)
    assert (y.shape, y.dtype, float(y)) == ((), np.dtype(np.float32), -2.0)


def test_an_input_may_replace_an_initialiser_and_may_be_left_out() -> None:
    text = "m (float[2,3] x, float[1] w = {10}) => (float[2,3] y) { y = Mul(x, w) }"
    assert np.array_equal(run(text, x=X)[0], 10 * X)
    assert np.array_equal(run(text, x=X, w=np.array([2], np.float32))[0], 2 * X)


def test_wrong_inputs_are_all_named_at_once() -> None:
    text = "m (float[2,3] x, float[n] w, int64[1] k) => (float[2,3] y) { y = Identity(x) }"
    with pytest.raises(BadData) as caught:
        run(text, w=np.zeros(2), k=np.zeros(2, np.int64), z=X)
    message = str(caught.value)
    for part in ("'x' is missing", "no input 'z'", "'w' is of dtype float32, not float64", "'k' is of shape [1]"):
        assert part in message


def test_a_type_that_there_is_not_is_refused() -> None:
    proto = model("m (float[2,3] x) => (float[2,3] y) { y = Neg(x) }")
    proto.graph.input[0].type.tensor_type.elem_type = 65
    with pytest.raises(BadData, match="type 65, which ONNX does not have"):
        run_model(proto, {"x": X})


def test_all_missing_operators_are_named_at_once_before_anything_runs() -> None:
    text = """m (float[2,3] x) => (float[2,3] y) { a = com.here.Wobble(x)  c = Greater(x, x)  d = ReduceMax(c)
      y = If (d) <then_branch = t () => (float[2,3] s) { s = com.here.Waddle(x) },
                  else_branch = e () => (float[2,3] s) { s = com.here.Wobble(a) }> }"""
    with pytest.raises(UnsupportedModel, match=r"for: com\.here:Waddle, com\.here:Wobble"):
        plan_model(model(text, more=', "com.here": 1'))


def test_an_operator_that_onnx_defines_by_others_is_expanded() -> None:
    assert not {"Attention", "SwiGLU"} & _table.operators().keys()
    generator = np.random.default_rng(0)
    q, k, v = (generator.normal(size=(1, 2, 4, 8)).astype(np.float32) for _ in range(3))
    (y,) = run(
        "m (float[1,2,4,8] q, float[1,2,4,8] k, float[1,2,4,8] v) => (float[1,2,4,8] y) { y = Attention(q, k, v) }",
        23,
        q=q,
        k=k,
        v=v,
    )
    scores = np.exp(q @ k.transpose(0, 1, 3, 2) / np.sqrt(8))
    np.testing.assert_allclose(y, scores / scores.sum(axis=-1, keepdims=True) @ v, rtol=1e-5, atol=1e-6)


FUNCTIONS = """m (float[2,3] x) => (float[2,3] y, float[2,3] z) {{ y = my.Scaled {call} (x)  z = my.Twice(x) }}
<domain: "my", opset_import: ["" : 21]> Scaled <alpha: float = 0.5> (a) => (b) {{ b = LeakyRelu <alpha: float = @alpha> (a) }}
<domain: "my", opset_import: ["" : 21, "my" : 1]> Twice (a) => (b) {{ h = my.Scaled <alpha = 2.0> (a)  b = Add(h, h) }}"""


def test_functions_of_a_model_take_attributes_defaults_and_each_other() -> None:
    for call, slope in (("", 0.5), ("<alpha = 0.25>", 0.25)):
        y, z = run_model(model(FUNCTIONS.format(call=call), more=', "my" : 1'), {"x": X})
        assert np.array_equal(y, np.where(X < 0, slope * X, X))
        assert np.array_equal(z, 2 * np.where(X < 0, 2 * X, X))


def test_a_function_of_a_model_comes_before_our_operator_and_does_not_call_itself() -> None:
    body = (
        'm (float[2,3] x) => (float[2,3] y) { y = Relu(x) }\n<domain: "", opset_import: ["" : 21]> Relu (a) => (b) { '
    )
    assert np.array_equal(run_model(model(body + "b = Neg(a) }"), {"x": X})[0], -X)
    endless = (
        body.replace('domain: ""', 'domain: "my"')
        .replace("= Relu", "= my.Relu")
        .replace('["" : 21]> Relu', '["my" : 1]> Relu')
    )
    with pytest.raises(UnsupportedModel, match="my:Relu"):
        plan_model(model(endless + "b = my.Relu(a) }", more=', "my" : 1'))


def test_a_function_runs_at_its_own_opset() -> None:
    text = """m (float[2,3,2] x) => (float[2,3,2] y, float[2,3,2] z) { y = Softmax(x)  z = my.Old(x) }
<domain: "my", opset_import: ["" : 11]> Old (a) => (b) { b = Softmax(a) }"""
    y, z = run_model(model(text, more=', "my" : 1'), {"x": np.zeros((2, 3, 2), np.float32)})
    assert np.allclose(y, 1 / 2)
    assert np.allclose(z, 1 / 6)


def test_branches_see_the_values_around_them_and_may_give_them_as_they_are() -> None:
    text = """m (float[2,3] x, bool c) => (float[2,3] y) { h = Neg(x)
      y = If (c) <then_branch = t () => (float[2,3] h) {}, else_branch = e () => (float[2,3] s) { s = Abs(h) }> }"""
    assert np.array_equal(run(text, x=X, c=np.array(True))[0], -X)
    assert np.array_equal(run(text, x=X, c=np.array(False))[0], np.abs(X))


LOOP = """m (int64 n, bool c, float[2,3] x) => (float[2,3] y, float[k,2,3] all) { y, all = Loop (n, c, x) <body =
  b (int64 i, bool go, float[2,3] v) => (bool more, float[2,3] w, float[2,3] w2) {
    ten = Constant <value_int = 3> ()  more = Less(i, ten)  w = Add(v, x)  w2 = Identity(w) }> }"""


@pytest.mark.parametrize(("turns", "alive", "done"), [(0, True, 0), (2, True, 2), (9, True, 4), (9, False, 0)])
def test_a_loop_stops_at_its_count_or_its_condition(turns: int, alive: bool, done: int) -> None:
    y, stacked = run(LOOP, n=np.array(turns, np.int64), c=np.array(alive), x=X)
    assert np.array_equal(y, X * (1 + done))
    assert (stacked.shape, stacked.dtype) == ((done, 2, 3), X.dtype)
    assert np.array_equal(stacked, np.array([X * (2 + turn) for turn in range(done)], np.float32).reshape(done, 2, 3))


def test_a_scan_runs_backwards_along_any_axis() -> None:
    text = """m (float[2] s, float[2,3] x) => (float[2] t, float[2,3] all) {
      t, all = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [1],
        body = b (float[2] a, float[2] e) => (float[2] c, float[2] d) { c = Add(a, e)  d = Identity(c) }> (s, x) }"""
    last, stacked = run(text, s=np.zeros(2, np.float32), x=X)
    assert np.array_equal(last, X.sum(axis=1))
    assert np.array_equal(stacked, X[:, ::-1].cumsum(axis=1))


def test_the_first_scan_takes_sequences_of_several_lengths() -> None:
    text = """m (int64[2] lengths, float[2] s, float[2,3] x) => (float[2] t, float[2,3] all) {
      t, all = Scan <num_scan_inputs = 1, body = b (float a, float e) => (float c, float d) { c = Add(a, e)
      d = Identity(c) }> (lengths, s, x) }"""
    last, stacked = run(text, 8, lengths=np.array([3, 2]), s=np.zeros(2, np.float32), x=X)
    assert last.tolist() == [2, 1]
    assert stacked.tolist() == [[1, -1, 2], [-4, 1, 0]]


def test_sparse_initialisers_and_constants_are_filled_with_zeros() -> None:
    def sparse(name: str, indices: list[int], shape: list[int]) -> onnx.SparseTensorProto:
        values = onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, [2], [5, 7])
        return onnx.helper.make_sparse_tensor(
            values, onnx.helper.make_tensor("", onnx.TensorProto.INT64, shape, indices), [2, 3]
        )

    proto = model("m (float[2,3] x) => (float[2,3] y) { c = Constant()  h = Add(x, w)  y = Add(h, c) }")
    proto.graph.sparse_initializer.append(sparse("w", [0, 4], [2]))
    proto.graph.node[0].attribute.append(onnx.helper.make_attribute("sparse_value", sparse("", [0, 1, 1, 2], [2, 2])))
    assert np.array_equal(run_model(proto, {"x": 0 * X})[0], [[5, 5, 0], [0, 7, 7]])
    proto.graph.sparse_initializer[0].CopyFrom(sparse("w", [0, 6], [2]))
    with pytest.raises(BadModelFile, match="indices outside"):
        run_model(proto, {"x": X})


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4", "int2", "float4_e2m1fn"])
def test_tensors_of_narrow_types_come_in_and_go_out(name: str) -> None:
    wanted = np.array([1, 0, 1], np.float32).astype(getattr(ml_dtypes, name))
    proto = model("m (float[3] x) => (float[3] y, float[3] z) { y = Identity(w)  z = CastLike(x, w) }")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(wanted, "w"))
    y, z = run_model(proto, {"x": np.array([1, 0, 1], np.float32)})
    assert y.dtype == z.dtype == wanted.dtype
    assert y.tolist() == z.tolist() == wanted.tolist()


def test_texts_are_values() -> None:
    text = """m (string[2] x) => (bool[2] y, float[2] z) {
      c = Constant <value_strings = ["1.5", "inf"]> ()  y = Equal(x, c)  z = Cast <to = 1> (c) }"""
    y, z = run(text, x=np.array(["1.5", "é"], object))
    assert y.tolist() == [True, False]
    assert z.tolist() == [1.5, np.inf]


def test_damage_is_reported_with_its_place() -> None:
    with pytest.raises(BadModelFile, match="reads 'h', which nothing before it makes"):
        run("m (float[2,3] x) => (float[2,3] y) { y = Neg(h) }", x=X)
    with pytest.raises(BadModelFile, match="never makes its output 'z'"):
        run("m (float[2,3] x) => (float[2,3] z) { y = Neg(x) }", x=X)
    with pytest.raises(BadModelFile, match=r"'y' \(MatMul\) cannot be computed"):
        run("m (float[2,3] x) => (float[2,2] y) { y = MatMul(x, x) }", x=X)
    with pytest.raises(BadModelFile, match=r"'y' \(Neg\) cannot be computed"):
        run("m (float[2,3] x) => (float[2,3] y) { y = Neg(x, x) }", x=X)
    with pytest.raises(UnsupportedModel, match="attribute 'speed', which"):
        run("m (float[2,3] x) => (float[2,3] y) { y = Neg <speed = 1> (x) }", x=X)
    short = model("m (float[2,3] x) => (float[2,3] y) { y = Add(x, w) }")
    short.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[2, 3], raw_data=b"1234")
    with pytest.raises(BadModelFile, match=r"'w' of shape .* is damaged"):
        plan_model(short)
    short.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(BadModelFile, match="another file"):
        plan_model(short)


@pytest.mark.parametrize("place", ["Relu", "first"])
def test_names_that_are_no_text_are_refused(place: str) -> None:
    proto = model("m (float[2,3] first) => (float[2,3] y) { y = Relu(first) }")
    broken = proto.SerializeToString().replace(place.encode(), b"\xff" + place.encode()[1:])
    with pytest.raises(BadModelFile, match=r"damaged|no UTF-8 text"):
        plan_model(onnx.ModelProto.FromString(broken))


def test_old_opsets_broadcast_by_an_axis() -> None:
    text = "m (float[2,3] x, float[2] w) => (float[2,3] y) { y = Add <broadcast = 1, axis = 0> (x, w) }"
    assert np.array_equal(run(text, 6, x=X, w=np.array([10, 20], np.float32))[0], X + np.array([[10], [20]]))


def test_old_dropout_trains_unless_told_otherwise() -> None:
    ones = np.ones(1000, np.float32)
    for opset, flag, kept in ((6, "", 0.5), (6, ", is_test = 1", 1.0), (10, "", 1.0)):
        (y,) = run(f"m (float[1000] x) => (float[1000] y) {{ y = Dropout <ratio = 0.5{flag}> (x) }}", opset, x=ones)
        assert abs((y != 0).mean() - kept) < 0.06
        assert set(np.unique(y)) <= {np.float32(0), np.float32(1 / kept)}


@pytest.mark.parametrize(
    ("node", "mean", "deviation"),
    [
        ("RandomNormal <shape = [20000], mean = 3.0, scale = 2.0, seed = 1.0> ()", 3.0, 2.0),
        ("RandomUniform <shape = [20000], low = -1.0, high = 3.0, seed = -1.0> ()", 1.0, 4 / np.sqrt(12)),
    ],
)
def test_random_numbers_have_their_distribution_and_follow_their_seed(node: str, mean: float, deviation: float) -> None:
    (first,), (second,) = (run(f"m () => (float[20000] y) {{ y = {node} }}") for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.float32
    assert abs(first.mean() - mean) < 0.05
    assert abs(first.std() - deviation) < 0.05


def test_multinomial_draws_by_probability() -> None:
    logarithms = np.log(np.array([[0.7, 0.2, 0.1]], np.float32))
    text = "m (float[1,3] x) => (int32[1,9000] y) { y = Multinomial <sample_size = 9000, seed = 5.0> (x) }"
    (y,) = run(text, x=logarithms)
    assert (y.dtype, y.shape) == (np.dtype(np.int32), (1, 9000))
    assert np.allclose(np.bincount(y[0]) / 9000, [0.7, 0.2, 0.1], atol=0.02)


def test_the_backend_runs_models_and_nodes_by_position_or_by_name() -> None:
    proto = model("m (float[2,3] a, float[2,3] b) => (float[2,3] y, float[2,3] z) { y = Add(a, b)  z = Sub(a, b) }")
    prepared = NumpyBackend.prepare(proto)
    for inputs in ([X, 2 * X], {"b": 2 * X, "a": X}):
        results = prepared.run(inputs)
        assert np.array_equal(results[0], 3 * X)
        assert np.array_equal(results.z, -X)
    (y,) = NumpyBackend.run_node(onnx.helper.make_node("Softmax", ["x"], ["y"]), X, opset_version=13)
    assert np.allclose(y.sum(axis=-1), 1)
    scaler = onnx.helper.make_node("Momentum", ["r", "t", "x", "g", "v"], ["y", "w"], domain="ai.onnx.preview.training",
                                   alpha=0.5, beta=1.0, mode="standard", norm_coefficient=0.0)  # fmt: skip
    after, speed = NumpyBackend.run_node(scaler, [np.float32(0.1), np.int64(0), X, X, 2 * X], opset_version=1)
    assert np.array_equal(speed, 2 * X)
    assert np.allclose(after, 0.8 * X)


def test_the_backend_says_what_it_cannot_do() -> None:
    proto = model("m (float[2,3] a) => (float[2,3] y) { y = my.Wobble(a) }", more=', "my" : 1')
    assert not NumpyBackend.is_compatible(proto)
    assert NumpyBackend.supports_device("CPU")
    assert not NumpyBackend.supports_device("CUDA")
    assert not NumpyBackend.supports_device("abacus")
    good = model("m (float[2,3] a) => (float[2,3] y) { y = Neg(a) }")
    assert NumpyBackend.is_compatible(good)
    with pytest.raises(BadInput, match="no device 'CUDA'"):
        NumpyBackend.prepare(good, "CUDA")
    with pytest.raises(BadInput, match=r"takes 1 inputs \(a\) and was given 2"):
        NumpyBackend.prepare(good).run([X, X])
    good.graph.node[0].input[0] = "nowhere"
    with pytest.raises(BadModelFile, match="no valid ONNX model"):
        NumpyBackend.prepare(good)


def test_no_operator_is_defined_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "names", lambda package: ("unary", "binary"))
    monkeypatch.setattr(catalog, "get", lambda package, name: {"Neg": np.negative, name: np.abs})
    with pytest.raises(ValueError, match=r"unary\.py.*Neg|binary\.py.*Neg"):
        _table.operators.__wrapped__()


def one(node: onnx.NodeProto, *inputs: Any, opset: int = 25) -> Any:
    return NumpyBackend.run_node(node, list(inputs), opset_version=opset)[0]


def node(name: str, *, inputs: int = 1, **attributes: Any) -> onnx.NodeProto:
    return onnx.helper.make_node(name, [f"x{place}" for place in range(inputs)], ["y"], **attributes)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_integers_divide_towards_zero(dtype: type[np.signedinteger[Any]]) -> None:
    a, b = np.array([7, -7, 7, -7, 6, -6, 0], dtype), np.array([2, 2, -2, -2, 3, 3, 5], dtype)
    y = one(node("Div", inputs=2), a, b)
    assert y.dtype == dtype
    assert y.tolist() == [int(p / q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]


@pytest.mark.parametrize("fmod", [0, 1])
def test_the_rest_has_the_sign_of_the_divisor_or_of_the_dividend(fmod: int) -> None:
    a, b = np.array([5.5, -5.5, 5.5, -5.5, -0.0], np.float32), np.array([3, 3, -3, -3, 2], np.float32)
    wanted = [2.5, -2.5, 2.5, -2.5, 0] if fmod else [2.5, 0.5, -0.5, -2.5, 0]
    assert one(node("Mod", inputs=2, fmod=fmod), a, b).tolist() == wanted


def test_shifts_beyond_the_width_leave_only_the_sign() -> None:
    x, amount = np.array([-8, -8, 8, 8, -8], np.int8), np.array([1, 9, 9, 1, -1], np.int8)
    assert one(node("BitShift", inputs=2, direction="RIGHT"), x, amount, opset=28).tolist() == [-4, -1, 0, 4, -1]
    assert one(node("BitShift", inputs=2, direction="LEFT"), x, amount, opset=28).tolist() == [-16, 0, 0, 16, 0]


def test_activations_stay_finite_far_from_zero() -> None:
    far = np.array([-1000, -100, 100, 1000], np.float32)
    assert one(node("Sigmoid"), far).tolist() == pytest.approx([0, 0, 1, 1])
    assert one(node("Softplus"), far).tolist() == pytest.approx([0, 0, 100, 1000])
    assert one(node("Softmax"), far).tolist() == [0, 0, 0, 1]
    assert one(node("ReduceLogSumExp"), far).tolist() == [1000]
    assert one(node("Mish"), far).tolist() == pytest.approx([0, 0, 100, 1000])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("ReduceSum", 0), ("ReduceProd", 1), ("ReduceMax", -np.inf), ("ReduceMin", np.inf), ("ReduceLogSumExp", -np.inf)],
)
def test_reductions_of_nothing(name: str, wanted: float) -> None:
    y = one(node(name, inputs=2, keepdims=0), np.zeros((2, 0), np.float32), np.array([1], np.int64), opset=20)
    assert y.tolist() == [wanted, wanted]


def test_half_precision_is_summed_in_single() -> None:
    ones = np.ones(5000, ml_dtypes.bfloat16)
    y = one(node("ReduceSum", keepdims=0), ones)
    assert y.dtype == ones.dtype
    assert float(y) == 4992  # the nearest bfloat16; one by one it would stop at 256


def test_axes_and_attributes_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadModelFile, match=r"axes \[2\].*rank 2"):
        one(node("ReduceMax", axes=[2]), X, opset=13)
    with pytest.raises(BadModelFile, match="LEFT, RIGHT"):
        one(node("BitShift", inputs=2, direction="UP"), np.uint8([1]), np.uint8([1]))
    with pytest.raises(BadModelFile, match="no attribute 'gamma'; known: alpha"):
        one(node("Elu", gamma=1.0), X)
    with pytest.raises(BadModelFile, match="none, tanh"):
        one(node("Gelu", approximate="sine"), X)
    with pytest.raises(BadModelFile, match="outside of the 3 classes"):
        one(node("NegativeLogLikelihoodLoss", inputs=2), X, np.array([0, 3]))
    with pytest.raises(BadModelFile, match="they must be as wide"):
        one(node("BitCast", to=onnx.TensorProto.INT64), X, opset=26)
    with pytest.raises(BadModelFile, match="a text that is no number"):
        one(node("Cast", to=onnx.TensorProto.FLOAT), np.array(["a"], object))
    with pytest.raises(BadModelFile, match="would never end"):
        run(LOOP.replace("Loop (n, c, x)", 'Loop ("", "", x)'), n=np.int64(1), c=np.bool_(True), x=X)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"])
def test_casts_to_eight_bits_saturate_or_not(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name))
    largest = float(ml_dtypes.finfo(dtype).max)
    x = np.array([np.inf, -1e30, largest, np.nan, 1], np.float32)
    to = int(onnx.helper.np_dtype_to_tensor_dtype(dtype))
    kept = one(node("Cast", to=to), x).astype(np.float32)
    assert np.array_equal(kept, np.array([largest, -largest, largest, np.nan, 1], np.float32), equal_nan=True)
    lost = one(node("Cast", to=to, saturate=0), x).astype(np.float32)
    assert not np.isfinite(lost[[0, 1, 3]]).any()
    assert lost[[2, 4]].tolist() == [largest, 1]


@pytest.mark.parametrize(("mode", "wanted"), [("up", [2, 4, 4, 8]), ("down", [2, 2, 2, 4]), ("nearest", [2, 2, 4, 8])])
def test_casts_to_exponents_round_as_told(mode: str, wanted: list[float]) -> None:
    x = np.array([2, 2.5, 3, 7], np.float32)
    y = one(node("Cast", to=onnx.TensorProto.FLOAT8E8M0, round_mode=mode), x)
    assert y.astype(np.float32).tolist() == wanted
