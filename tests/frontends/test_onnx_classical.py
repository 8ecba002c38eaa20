"""ai.onnx.ml models: scores and classes are those of the NumPy backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import saved
from small_onnx import floats

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends.onnx import to_graph
from edgewright.ir.types import Array
from edgewright.numpy_backend.execute import run_model
from edgewright.runtime.interpret import run_float

FEATURES = 4


def rows() -> Array:
    return np.random.default_rng(8).normal(0.0, 1.0, (60, FEATURES)).astype(np.float32)


def model(
    *nodes: tuple[str, str, str, dict[str, Any]], outputs: tuple[str, ...] = ("out",), newest: int = 5
) -> onnx.ModelProto:
    made = [
        helper.make_node(op, inputs.split(), names.split(), domain="" if op == "Cast" else "ai.onnx.ml", **attributes)
        for op, inputs, names, attributes in nodes
    ]
    graph = helper.make_graph(
        made,
        "classical",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", newest)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def forest(trees: int, outputs: int, kind: str, modes: tuple[str, ...] = ("BRANCH_LEQ",)) -> dict[str, Any]:
    """Return the attributes of trees of depth 3, whose thresholds rows meet exactly."""
    generator = np.random.default_rng(9)
    found: dict[str, list[Any]] = {}

    def add(name: str, value: Any) -> None:
        found.setdefault(name, []).append(value)

    x = rows()
    for tree in range(trees):
        for number in range(15):
            inner = number < 7
            feature = int(generator.integers(FEATURES))
            add("nodes_treeids", tree)
            add("nodes_nodeids", number)
            add("nodes_featureids", feature if inner else 0)
            add("nodes_values", float(generator.choice(x[:, feature])) if inner else 0.0)
            add("nodes_modes", str(generator.choice(modes)) if inner else "LEAF")
            add("nodes_truenodeids", 2 * number + 1 if inner else 0)
            add("nodes_falsenodeids", 2 * number + 2 if inner else 0)
            for output in range(outputs if not inner else 0):
                add(f"{kind}_treeids", tree)
                add(f"{kind}_nodeids", number)
                add(f"{kind}_ids", output)
                add(f"{kind}_weights", float(generator.uniform(0.0, 1.0)))
    return found


def newest_trees() -> dict[str, Any]:
    def tensor(values: Any, dtype: Any) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, dtype), "t")

    return {
        "nodes_splits": tensor([0.1, -0.3, 0.2], np.float32),
        "nodes_modes": tensor([0, 1, 2], np.uint8),
        "nodes_featureids": [0, 2, 3],
        "nodes_truenodeids": [1, 0, 2],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falseleafs": [0, 1, 1],
        "tree_roots": [0],
        "n_targets": 2,
        "leaf_targetids": [0, 1, 0, 1],
        "leaf_weights": tensor([1.5, -2.0, 0.25, 4.0], np.float32),
    }


ALL_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")
SVM = {
    "kernel_params": [0.4, 0.0, 3.0],
    "support_vectors": floats(6 * FEATURES).tolist(),
    "coefficients": floats(6).tolist(),
}
REGRESSIONS: dict[str, tuple[tuple[str, str, str, dict[str, Any]], ...]] = {
    "Scaler": (("Scaler", "in", "out", {"offset": [0.5, 1.0, -1.0, 0.0], "scale": [2.0, 0.5, 1.0, 3.0]}),),
    "Scaler for all": (("Scaler", "in", "out", {"offset": [0.5], "scale": [2.0]}),),
    "LinearRegressor": (
        ("LinearRegressor", "in", "out", {"coefficients": floats(8).tolist(), "intercepts": [0.5, -1.0], "targets": 2}),
    ),
    "SVMRegressor": (("SVMRegressor", "in", "out", {**SVM, "kernel_type": "RBF", "n_supports": 6, "rho": [0.3]}),),
    "SVMRegressor, linear": (("SVMRegressor", "in", "out", {**SVM, "n_supports": 6, "rho": [0.3]}),),
    "SVMRegressor without vectors": (
        ("SVMRegressor", "in", "out", {"coefficients": floats(FEATURES).tolist(), "rho": [0.3]}),
    ),
    "trees": (("TreeEnsembleRegressor", "in", "out", {**forest(5, 2, "target"), "n_targets": 2}),),
    "trees of every mode": (("TreeEnsembleRegressor", "in", "out", {**forest(6, 1, "target", ALL_MODES), "n_targets": 1}),),
    "trees with a base": (
        ("TreeEnsembleRegressor", "in", "out",
         {**forest(3, 1, "target"), "n_targets": 1, "base_values": [2.5], "aggregate_function": "SUM"}),
    ),
    "mean of trees": (
        ("TreeEnsembleRegressor", "in", "out", {**forest(4, 1, "target"), "n_targets": 1, "aggregate_function": "AVERAGE"}),
    ),
    "TreeEnsemble": (("TreeEnsemble", "in", "out", newest_trees()),),
}  # fmt: skip


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regressions(name: str, tmp_path: Path) -> None:
    proto = model(*REGRESSIONS[name])
    (expected,) = run_model(proto, {"in": rows()})
    actual = run_float(to_graph(saved(proto, tmp_path)), rows())
    assert actual.shape == expected.shape
    assert np.unique(expected).size > 3
    assert np.abs(actual - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


def test_a_scaling_before_trees_goes_into_the_thresholds(tmp_path: Path) -> None:
    scaling = {"offset": [0.5], "scale": [4.0]}
    trees = {**forest(5, 1, "target"), "n_targets": 1}
    proto = model(("Scaler", "in", "s", scaling), ("TreeEnsembleRegressor", "s", "out", trees))
    graph = to_graph(saved(proto, tmp_path))
    assert [node.op for node in graph.nodes] == ["tree_ensemble"]
    (expected,) = run_model(proto, {"in": rows()})
    assert np.abs(run_float(graph, rows()) - expected).max() < 1e-5


TWO, THREE = {"classlabels_int64s": [3, 7]}, {"classlabels_strings": ["a", "b", "c"]}
CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "LinearClassifier": (
        "LinearClassifier",
        {"coefficients": floats(3 * FEATURES).tolist(), "intercepts": [0.1, 0.2, 0.3], "classlabels_strings": ["a", "b", "c"]},
    ),
    "LinearClassifier with one row": (
        "LinearClassifier", {"coefficients": floats(FEATURES).tolist(), "intercepts": [0.1], "classlabels_ints": [3, 7]},
    ),
    "SVMClassifier": (
        "SVMClassifier",
        {**SVM, "kernel_type": "RBF", "vectors_per_class": [2, 4], "rho": [0.1], "classlabels_ints": [3, 7]},
    ),
    "SVMClassifier, linear": ("SVMClassifier", {**SVM, "vectors_per_class": [2, 4], "rho": [0.1], "classlabels_ints": [3, 7]}),
    "trees": ("TreeEnsembleClassifier", {**forest(5, 3, "class"), **THREE}),
    "trees that vote for one": ("TreeEnsembleClassifier", {**forest(1, 1, "class"), **TWO}),
    "boosted trees": (
        "TreeEnsembleClassifier",
        {**forest(5, 1, "class"), "class_weights": floats(40).tolist(), "base_values": [0.1], **TWO},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("mapped", [True, False])
def test_classifiers(name: str, mapped: bool, tmp_path: Path) -> None:
    op, attributes = CLASSIFIERS[name]
    labels = {
        ("classlabels_strings" if key.endswith("strings") else "classlabels_int64s"): value
        for key, value in attributes.items()
        if key.startswith("classlabels")
    }
    nodes = [(op, "in", "label scores", attributes)]
    if mapped:
        nodes.append(("ZipMap", "scores", "map", labels))
    proto = model(*nodes, outputs=("label", "map" if mapped else "scores"), newest=3)
    graph = to_graph(saved(proto, tmp_path))
    label, scores = run_model(model(*nodes[:1], outputs=("label", "scores"), newest=3), {"in": rows()})
    actual = run_float(graph, rows())
    assert len(set(label.tolist())) > 1
    assert np.array_equal(np.array(graph.labels)[actual.argmax(1)], label.astype(str))
    assert np.abs(actual - scores).max() < 1e-5 * np.abs(scores).max()


@pytest.mark.parametrize("transform", ["LOGISTIC", "SOFTMAX"])
def test_scores_that_are_transformed_keep_the_class(transform: str, tmp_path: Path) -> None:
    op, attributes = CLASSIFIERS["LinearClassifier"]
    proto = model((op, "in", "label scores", {**attributes, "post_transform": transform}), outputs=("label",), newest=3)
    graph = to_graph(saved(proto, tmp_path))
    (label,) = run_model(proto, {"in": rows()})
    assert np.array_equal(np.array(graph.labels)[run_float(graph, rows()).argmax(1)], label.astype(str))


def test_probabilities_of_a_machine_keep_the_class(tmp_path: Path) -> None:
    op, attributes = CLASSIFIERS["SVMClassifier"]
    given = {**attributes, "prob_a": [-1.3], "prob_b": [0.4]}
    proto = model((op, "in", "label scores", given), outputs=("label", "scores"), newest=3)
    label, _ = run_model(proto, {"in": rows()})
    graph = to_graph(saved(proto, tmp_path))
    assert np.array_equal(np.array(graph.labels)[run_float(graph, rows()).argmax(1)], label.astype(str))


def test_a_forest_of_scikit_learn(tmp_path: Path) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    x = rows()
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.3)
    fitted = ensemble.RandomForestClassifier(4, max_depth=3, random_state=0).fit(x, y)
    found: dict[str, list[Any]] = {}
    for number, tree in enumerate(one.tree_ for one in fitted.estimators_):
        for node in range(tree.node_count):
            leaf = tree.children_left[node] == -1
            entry = {
                "treeids": number,
                "nodeids": node,
                "featureids": 0 if leaf else int(tree.feature[node]),
                "modes": "LEAF" if leaf else "BRANCH_LEQ",
                "values": 0.0 if leaf else float(np.float32(tree.threshold[node])),
                "truenodeids": max(int(tree.children_left[node]), 0),
                "falsenodeids": max(int(tree.children_right[node]), 0),
            }
            for name, value in entry.items():
                found.setdefault(f"nodes_{name}", []).append(value)
            for output, share in enumerate(tree.value[node, 0] if leaf else ()):
                for name, value in zip(
                    ("treeids", "nodeids", "ids", "weights"), (number, node, output, share / 4), strict=True
                ):
                    found.setdefault(f"class_{name}", []).append(value)
    proto = model(
        ("TreeEnsembleClassifier", "in", "label scores", {**found, "classlabels_int64s": [0, 1, 2]}),
        outputs=("label", "scores"), newest=3,
    )  # fmt: skip
    graph = to_graph(saved(proto, tmp_path))
    assert np.array_equal(run_float(graph, x).argmax(1), fitted.predict(x))


def changed(name: str, values: Any) -> dict[str, Any]:
    return {**forest(2, 1, "target"), "n_targets": 1, name: values}


@pytest.mark.parametrize(
    ("op", "attributes", "error", "reason"),
    [
        (
            "TreeEnsembleRegressor",
            changed("nodes_modes", ["BRANCH_EQ"] * 7 + ["LEAF"] * 23),
            UnsupportedModel,
            "BRANCH_EQ",
        ),
        ("TreeEnsembleRegressor", changed("aggregate_function", "MAX"), UnsupportedModel, "aggregated by MAX"),
        ("TreeEnsembleRegressor", changed("nodes_truenodeids", [0] * 30), BadModelFile, "trees are damaged"),
        ("TreeEnsembleRegressor", changed("nodes_featureids", [99] * 30), BadModelFile, "feature 99"),
        ("TreeEnsembleRegressor", changed("nodes_values", [0.0]), BadModelFile, "one length"),
        ("LinearRegressor", {"coefficients": [1.0]}, BadModelFile, "do not fit"),
        ("LinearRegressor", {"coefficients": [1.0] * 4, "post_transform": "PROBIT"}, UnsupportedModel, "PROBIT"),
        ("SVMRegressor", {**SVM, "n_supports": 6, "rho": [0.1], "kernel_type": "POLY"}, UnsupportedModel, "POLY"),
        ("SVMRegressor", {**SVM, "n_supports": 6, "rho": [0.1], "one_class": 1}, UnsupportedModel, "one_class"),
        ("Normalizer", {"norm": "L2"}, UnsupportedModel, "behind a classifier"),
    ],
)
def test_what_is_refused(
    op: str, attributes: dict[str, Any], error: type[Exception], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=reason):
        to_graph(saved(model((op, "in", "out", attributes)), tmp_path))


def test_votes_of_pairs_are_refused(tmp_path: Path) -> None:
    given = {**SVM, "coefficients": floats(12).tolist(), "vectors_per_class": [2, 2, 2], "rho": [0.1, 0.2, 0.3]}
    proto = model(("SVMClassifier", "in", "label out", {**given, "classlabels_ints": [1, 2, 3]}))
    with pytest.raises(UnsupportedModel, match="pairs of 3 classes vote"):
        to_graph(saved(proto, tmp_path))
