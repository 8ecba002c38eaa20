"""scikit-learn's trees and forests: the same predictions, in float, in integers and in C."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from edgewright import boards, engines, frontends
from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import Settings, quantise
from edgewright.errors import BadGraph, BadModelFile, UnknownName, UnsupportedModel
from edgewright.frontends._sklearn_trees import single_below
from edgewright.ir import save
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.ops.tree_ensemble import integer_thresholds, tabulate
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array, Array, Array]:
    X, y = load_digits(return_X_y=True)
    return tuple(train_test_split(X, y, test_size=540, stratify=y, random_state=0))


@pytest.fixture(scope="module")
def forest(digits: tuple[Array, Array, Array, Array]) -> RandomForestClassifier:
    X, _, y, _ = digits
    return RandomForestClassifier(10, max_depth=8, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def iris() -> tuple[Array, Array]:
    return load_iris(return_X_y=True)


def integers_of(graph: Graph, X: Array) -> Array:
    return quantise_array(X, graph.input_type).astype(graph.input_type.dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_the_forest_on_digits_predicts_as_scikit_learn_on_every_row(digits: Any, forest: Any, dtype: str) -> None:
    X, X_test, _, _ = digits
    graph = quantise(lower(forest), X, Settings(input=dtype))
    x = integers_of(graph, X_test)
    scores = run_integer(graph, x)
    assert graph.input_type.dtype == dtype
    assert graph.output_type.dtype == "int32"
    assert np.array_equal(scores.argmax(axis=1), forest.predict(X_test))
    probabilities = dequantise_array(scores, graph.output_type)
    # Ten leaves, each half a step off at most
    np.testing.assert_allclose(probabilities, forest.predict_proba(X_test), rtol=0, atol=5.01 * graph.output_type.scale)
    assert np.array_equal(np.array(graph.labels)[scores.argmax(axis=1)], forest.predict(X_test).astype(str))


def test_the_forest_in_c_equals_the_twin(digits: Any, forest: Any) -> None:
    X, X_test, _, _ = digits
    engine = engines.get("host")
    if problem := engine.why_not(boards.get("host")):
        pytest.skip(problem)
    graph = quantise(lower(forest), X, Settings(input="int8"))
    low, high = graph.input_type.range
    corners = np.random.default_rng(0).choice([low, high, 0, 8], (200, 64)).astype(np.int8)
    x = np.concatenate([integers_of(graph, X_test), corners])
    program = emit({"forest": graph})
    entry = program.entries[0]
    run = engine.run(engine.build(program, "host"), "forest", engines.pack_inputs(entry, [x]))
    assert np.array_equal(engines.unpack_outputs(entry, run.outputs)[0], run_integer(graph, x))
    assert sum(entry.constant_bytes.values()) < 9000


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        DecisionTreeClassifier(max_leaf_nodes=5, random_state=0),  # grown best first
        ExtraTreeClassifier(random_state=0),
        ExtraTreesClassifier(7, random_state=0),
        RandomForestClassifier(3, max_leaf_nodes=6, random_state=0),
    ],
    ids=str,
)
def test_float_graph_gives_the_probabilities_of_scikit_learn(model: Any, iris: tuple[Array, Array]) -> None:
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model.fit(X, names)
    graph = lower(model)
    noisy = X + np.random.default_rng(0).normal(scale=0.3, size=X.shape)
    np.testing.assert_allclose(run_float(graph, noisy), model.predict_proba(noisy), rtol=0, atol=1e-6)
    assert graph.labels == ("setosa", "versicolor", "virginica")


def test_features_of_very_different_scales(iris: tuple[Array, Array]) -> None:
    X, y = iris
    X = X * [1e-4, 1.0, 1e4, 300.0]
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    graph = quantise(lower(model), X)
    assert isinstance(graph.input_type.scale, tuple)
    seen = dequantise_array(quantise_array(X, graph.input_type), graph.input_type)  # what the device sees
    assert np.array_equal(run_integer(graph, integers_of(graph, X)).argmax(axis=1), model.predict(seen))


def test_a_tie_between_classes_stays_a_tie() -> None:
    # Two trees that say 1/3 and 2/3 in turn: both sums are 1
    X, y = np.array([[0.0], [0.0], [0.0]]), np.array([0, 0, 1])
    forest = RandomForestClassifier(2, bootstrap=False, random_state=0).fit(X, y)
    forest.estimators_[1] = DecisionTreeClassifier(random_state=0).fit(X, 1.0 - y)
    graph = quantise(lower(forest), np.array([[0.0], [1.0]]))
    first, second = run_integer(graph, np.zeros((1, 1), np.int16))[0]
    assert first == second > 0


@pytest.mark.parametrize("trees", [1, 3])
def test_a_model_of_one_answer(trees: int) -> None:
    X, y = np.arange(8.0).reshape(4, 2), np.array([3, 3, 3, 3])
    graph = quantise(lower(RandomForestClassifier(trees, random_state=0).fit(X, y)), X)
    assert graph.labels == ("3",)
    assert np.all(
        dequantise_array(run_integer(graph, np.zeros((2, 2), np.int16)), graph.output_type) == pytest.approx(1)
    )


def test_thresholds_beyond_the_input_are_left_out_and_nothing_changes(iris: tuple[Array, Array]) -> None:
    X, y = iris
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    narrow = X[(X[:, 2] > 4.5) & (X[:, 3] < 2.0)] * [1, 1, 0.1, 0.1]  # the device will never see a large petal
    graph = quantise(lower(model), narrow)
    nodes = graph.types["feature"].size
    assert nodes < sum(int((tree.tree_.children_left >= 0).sum()) for tree in model.estimators_)
    low, high = graph.input_type.range
    x = np.random.default_rng(0).integers(low, high, (500, 4), endpoint=True).astype(np.int16)
    seen = dequantise_array(x, graph.input_type)
    got = dequantise_array(run_integer(graph, x), graph.output_type)
    np.testing.assert_allclose(got, model.predict_proba(seen), rtol=0, atol=5.01 * graph.output_type.scale)


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.3, 1 / 3, 7.1e-4])
@pytest.mark.parametrize("zero_point", [0, -5, 127])
def test_integer_thresholds_are_exact(scale: float, zero_point: int) -> None:
    x = Type((1,), "int8", scale, zero_point)
    q = np.arange(-128, 128, 5)
    reals = (q - zero_point) * scale
    between = np.concatenate([reals, np.nextafter(reals, -np.inf), np.nextafter(reals, np.inf), [-1e9, 1e9]])
    for threshold, limit in zip(between, integer_thresholds(between, np.zeros(len(between)), x), strict=True):
        exact = [Fraction(int(i) - zero_point) * Fraction(scale) <= Fraction(threshold) for i in q]
        assert np.array_equal(q <= limit, exact)


def test_single_precision_thresholds_decide_the_same() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=2000).astype(np.float32)
    between = (x[:-1].astype(np.float64) + x[1:]) / 2  # where scikit-learn puts thresholds
    thresholds = np.concatenate([x, between, np.nextafter(x.astype(np.float64), -1e9), [1e300, -1e300]])
    single = single_below(thresholds)
    assert single.dtype == np.float32
    assert np.array_equal(x[:, None] <= thresholds, x[:, None] <= single)


def test_very_deep_trees_need_no_recursion() -> None:
    tables = tabulate([5000], lambda depth: (0, depth, 0, depth - 1) if depth else 0)
    assert tables.size == [5000]
    assert tables.left == [0] * 5000


@pytest.mark.parametrize(
    ("port", "value", "message"),
    [
        ("feature", 99, "reads the feature"),
        ("left", 250, "left branch"),
        ("leaf", 200, "a leaf is the row"),
        ("size", 1, "add up"),
    ],
)
def test_tables_that_are_no_trees_never_reach_the_c(port: str, value: int, message: str, iris: Any) -> None:
    X, y = iris
    graph = quantise(lower(DecisionTreeClassifier(random_state=0).fit(X, y)), X)
    graph.constants[port].flat[0] = value
    with pytest.raises(BadGraph, match=message):
        emit({"model": graph})
    with pytest.raises(BadGraph, match=message):
        run_integer(graph, np.zeros((1, 4), np.int16))


def test_what_is_not_taken_is_refused_with_the_reason(iris: tuple[Array, Array]) -> None:
    X, y = iris
    with pytest.raises(UnsupportedModel, match="not fitted"):
        lower(RandomForestClassifier())
    with pytest.raises(UnsupportedModel, match="2 outputs"):
        lower(DecisionTreeClassifier().fit(X, np.stack([y, y], axis=1)))
    missing = np.where(X[:, :1] < 5.5, np.nan, X)
    with pytest.raises(UnsupportedModel, match="missing values"):
        lower(DecisionTreeClassifier(random_state=0).fit(missing, X[:, 0] < 5.5))
    with pytest.raises(UnsupportedModel, match=r"AdaBoostClassifier.*RandomForestClassifier"):
        lower(AdaBoostClassifier(n_estimators=1).fit(X, y))

    class Other(DecisionTreeClassifier):
        """May predict otherwise."""

    with pytest.raises(UnsupportedModel, match="Other"):
        lower(Other().fit(X, y))


def test_a_skops_file_gives_the_same_graph(tmp_path: Path, forest: Any) -> None:
    path = tmp_path / "forest.skops"
    skops.io.dump(forest, path)
    assert frontends.read(path).hash == lower(forest).hash


def test_untrusted_types_are_named_and_not_loaded(tmp_path: Path, iris: tuple[Array, Array]) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(StandardScaler(), print), path)
    with pytest.raises(UnsupportedModel, match=r"not known to be safe: builtins\.print"):
        frontends.read(path)
    skops.io.dump(StandardScaler().fit(iris[0]), path)
    with pytest.raises(UnsupportedModel, match="StandardScaler"):
        frontends.read(path)


def test_damaged_trees_in_a_skops_file(tmp_path: Path, iris: tuple[Array, Array]) -> None:
    """A file whose checksums are right and whose trees are not."""
    data = skops.io.dumps(DecisionTreeClassifier(random_state=0).fit(*iris))
    generator = np.random.default_rng(0)
    path, outcomes = tmp_path / "model.skops", set()
    for _ in range(40):
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(changed, "w") as target:
            for member in source.namelist():
                content = bytearray(source.read(member))
                if member.endswith(".npy"):
                    place = int(generator.integers(128, len(content))) if len(content) > 128 else 0
                    content[place] ^= int(generator.integers(1, 256))
                target.writestr(member, bytes(content))
        path.write_bytes(changed.getvalue())
        try:
            frontends.read(path)
            outcomes.add("read")
        except (BadModelFile, UnsupportedModel) as error:
            outcomes.add(type(error).__name__)
    assert "BadModelFile" in outcomes


def test_a_schema_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps({}))
        with archive.open("zeros.npy", "w") as file:
            for _ in range(17):
                file.write(bytes(2**24))
    with pytest.raises(BadModelFile, match="unpacks to"):
        frontends.read(path)


def test_a_file_is_chosen_by_suffix_and_checked_by_content(tmp_path: Path, iris: tuple[Array, Array]) -> None:
    model = DecisionTreeClassifier(random_state=0).fit(*iris)
    graph = lower(model)
    save(graph, tmp_path / "model.edgewright")
    assert frontends.read(tmp_path / "model.edgewright").hash == graph.hash
    skops.io.dump(model, tmp_path / "model.tflite")
    with pytest.raises(BadModelFile, match=r"that of a \.skops file; rename it"):
        frontends.read(tmp_path / "model.tflite")
    (tmp_path / "model.skop").write_bytes(b"PK")
    with pytest.raises(UnknownName, match=r"Did you mean '\.skops'"):
        frontends.read(tmp_path / "model.skop")
    with pytest.raises(BadModelFile, match="No such file"):
        frontends.read(tmp_path / "none.tflite")
    (tmp_path / "empty.tflite").write_bytes(b"")
    with pytest.raises(BadModelFile, match="damaged or something else"):
        frontends.read(tmp_path / "empty.tflite")


def test_the_front_ends_import_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys; from edgewright import frontends; [frontends.get(name) for name in frontends.names()];"
        "assert not {'sklearn', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_front_end_has_its_own_suffix() -> None:
    suffixes = [frontends.get(name).suffix for name in frontends.names()]
    assert sorted(suffixes) == [".edgewright", ".h", ".onnx", ".skops", ".tflite"]
