"""The operators of ai.onnx.ml against scikit-learn and worked examples."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.preprocessing import normalize as sklearn_normalize
from sklearn.svm import SVC, SVR, OneClassSVM

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend import classical, support_vectors, trees

CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 4)).astype(np.float32)
    return x, (x[:, 0] + 0.5 * x[:, 1] ** 2 + 0.2 * rng.normal(size=90) > 0.4) + (x[:, 2] > 0.5).astype(int)


def listed(array):
    return np.asarray(array, np.float64).reshape(-1).tolist()


def nodes_of(forest):
    """Return the attributes nodes_* of scikit-learn's trees, and (tree, node, values) of each leaf."""
    found = {key: [] for key in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")}
    leaves = []
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            row = (number, node, 0 if leaf else int(tree.feature[node]), "LEAF" if leaf else "BRANCH_LEQ")
            row += (
                float(tree.threshold[node]),
                max(int(tree.children_left[node]), 0),
                max(int(tree.children_right[node]), 0),
            )
            for key, value in zip(found, row, strict=True):
                found[key].append(value)
            if leaf:
                leaves.append((number, node, tree.value[node].reshape(-1).tolist()))
    return {f"nodes_{key}": value for key, value in found.items()}, leaves


def test_a_scaler_is_scikit_learns(table):
    x, _ = table
    fitted = StandardScaler().fit(x)
    result = classical.scaler(x, offset=listed(fitted.mean_), scale=listed(1 / fitted.scale_))
    np.testing.assert_allclose(result, fitted.transform(x), **CLOSE)
    assert result.dtype == np.float32


@pytest.mark.parametrize("norm", ["L1", "L2"])
def test_a_normalizer_is_scikit_learns_and_leaves_zeros_alone(table, norm):
    x = np.vstack([table[0], np.zeros((1, 4), np.float32)])
    np.testing.assert_allclose(classical.normalizer(x, norm=norm), sklearn_normalize(x, norm.lower()), **CLOSE)


def test_a_normalizer_divides_by_the_maximum():
    assert classical.normalizer(np.array([[1, 4], [-2, -4]], np.int64), norm="MAX").tolist() == [[0.25, 1], [1, 2]]


def test_missing_values_are_imputed_by_feature():
    x = np.array([[np.nan, 1], [2, np.nan]], np.float32)
    imputed = classical.imputer(x, imputed_value_floats=[7.0, 8.0], replaced_value_float=float("nan"))
    assert imputed.tolist() == [[7, 1], [2, 8]]
    whole = classical.imputer(np.array([-1, 3], np.int64), imputed_value_int64s=[5], replaced_value_int64=-1)
    assert (whole.dtype, whole.tolist()) == (np.int64, [5, 3])
    with pytest.raises(BadModelFile, match="imputed_value_floats"):
        classical.imputer(x, imputed_value_int64s=[5])


def test_features_side_by_side_and_one_hot():
    joined = classical.feature_vectorizer(np.array([[1], [2]]), np.array([[3, 4], [5, 6]]), inputdimensions=[1, 2])
    assert (joined.dtype, joined.tolist()) == (np.float32, [[1, 3, 4], [2, 5, 6]])
    words = np.array([["b", "x"]], object)
    assert classical.one_hot_encoder(words, cats_strings=["a", "b"]).tolist() == [[[0, 1], [0, 0]]]
    assert classical.one_hot_encoder(np.array([4.0]), cats_int64s=[3, 4]).tolist() == [[0, 1]]
    with pytest.raises(BadModelFile, match="'x'"):
        classical.one_hot_encoder(words, cats_strings=["a", "b"], zeros=0)


def test_labels_and_categories_are_looked_up():
    words = np.array([["Dori", "Amy"]], object)
    encoded = classical.label_encoder(words, keys_strings=["Amy", "Sally"], values_int64s=[5, 6])
    assert (encoded.dtype, encoded.tolist()) == (np.int64, [[-1, 5]])
    numbers = np.array([0.1, np.nan, 3], np.float32)
    back = classical.label_encoder(
        numbers, keys_floats=[0.1, float("nan"), 0.1], values_strings=["a", "missing", "last"]
    )
    assert back.tolist() == ["last", "missing", "_Unused"]
    assert classical.label_encoder(words, classes_strings=["Sally", "Amy"]).tolist() == [[-1, 1]]
    mapping = {"cats_int64s": [10, 20], "cats_strings": ["x", "y"]}
    assert classical.category_mapper(np.array(["y", "z"], object), **mapping).tolist() == [20, -1]
    assert classical.category_mapper(np.array([10, 30]), **mapping, default_string="?").tolist() == ["x", "?"]


def test_maps_to_arrays_and_back():
    row = classical.dict_vectorizer({"a": np.float32(4), "c": np.float32(8)}, string_vocabulary=["a", "c", "b"])
    assert (row.dtype, row.tolist()) == (np.float32, [4, 8, 0])
    with pytest.raises(BadModelFile, match="'q'"):
        classical.dict_vectorizer({"q": 1}, string_vocabulary=["a"])
    probabilities = np.array([[0.25, 0.75], [1, 0]], np.float32)
    assert classical.zip_map(probabilities, classlabels_int64s=[7, 9]) == [{7: 0.25, 9: 0.75}, {7: 1.0, 9: 0.0}]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NONE", [0.0, 0.5, 0.25]),
        ("SOFTMAX", [0.2542752, 0.4192289, 0.3264958]),
        ("SOFTMAX_ZERO", [0.0, 0.5621765, 0.4378235]),
        ("LOGISTIC", [0.5, 0.6224593, 0.5621765]),
        ("PROBIT", [-np.inf, 0.0, -0.6744898]),
    ],
)
def test_post_transforms(name, expected):
    scores = classical.linear_regressor(
        np.ones((1, 1), np.float32), coefficients=[0.0, 0.5, 0.25], targets=3, post_transform=name
    )
    np.testing.assert_allclose(scores, [expected], **CLOSE)


def test_an_unknown_post_transform_is_refused():
    with pytest.raises(UnsupportedModel, match="PROBIT"):
        classical.linear_regressor(np.ones((1, 1)), coefficients=[1.0], post_transform="CUBE")


def test_linear_models_are_scikit_learns(table):
    x, y = table
    straight = LinearRegression().fit(x, np.stack([y, -2 * y], 1))
    result = classical.linear_regressor(
        x, coefficients=listed(straight.coef_), intercepts=listed(straight.intercept_), targets=2
    )
    np.testing.assert_allclose(result, straight.predict(x), rtol=1e-4, atol=1e-5)
    fitted = LogisticRegression().fit(x, y)
    labels, scores = classical.linear_classifier(
        x,
        coefficients=listed(fitted.coef_),
        intercepts=listed(fitted.intercept_),
        classlabels_ints=[0, 1, 2],
        post_transform="SOFTMAX",
    )
    np.testing.assert_array_equal(labels, fitted.predict(x))
    np.testing.assert_allclose(scores, fitted.predict_proba(x), rtol=1e-4, atol=1e-6)


def test_one_set_of_coefficients_scores_the_second_of_two_classes(table):
    x, y = table
    fitted = LogisticRegression().fit(x, y > 0)
    labels, scores = classical.linear_classifier(
        x,
        coefficients=listed(fitted.coef_),
        intercepts=listed(fitted.intercept_),
        classlabels_strings=["no", "yes"],
        post_transform="LOGISTIC",
    )
    np.testing.assert_array_equal(labels == "yes", fitted.predict(x))
    np.testing.assert_allclose(scores, fitted.predict_proba(x), rtol=1e-4, atol=1e-6)


KERNELS = [("linear", 0.0, 0), ("poly", 1.0, 2), ("rbf", 0.0, 0), ("sigmoid", 0.5, 0)]


@pytest.mark.parametrize(("kernel", "offset", "degree"), KERNELS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_support_vector_classifier_is_libsvms(table, kernel, offset, degree, classes):
    x, y = table
    fitted = SVC(kernel=kernel, gamma=0.25, coef0=offset, degree=degree or 3).fit(x, np.minimum(y, classes - 1))
    sign = -1 if classes == 2 else 1  # scikit-learn turns the two-class machine around
    labels, scores = support_vectors.svm_classifier(
        x,
        classlabels_ints=list(range(classes)),
        coefficients=listed(sign * fitted.dual_coef_),
        kernel_params=[0.25, offset, float(degree)],
        kernel_type=kernel.upper(),
        rho=listed(sign * fitted.intercept_),
        support_vectors=listed(fitted.support_vectors_),
        vectors_per_class=fitted.n_support_.tolist(),
    )
    np.testing.assert_array_equal(labels, fitted.predict(x))
    fitted.decision_function_shape = "ovo"
    decisions = fitted.decision_function(x)
    expected = np.stack([-decisions, decisions], 1) if classes == 2 else decisions
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


def test_probabilities_of_pairs_become_those_of_classes():
    # With p = (0.5, 0.3, 0.2) the pairs agree exactly: r_ij = p_i / (p_i + p_j), and the coupling must find p again.
    p = np.array([0.5, 0.3, 0.2])
    pairs = [(0, 1), (0, 2), (1, 2)]
    odds = [np.log(p[j] / p[i]) for i, j in pairs]  # 1 / (1 + exp(odds)) = p_i / (p_i + p_j)
    labels, scores = support_vectors.svm_classifier(
        np.zeros((1, 1), np.float32),
        classlabels_strings=["a", "b", "c"],
        coefficients=[0.0] * 6,
        rho=[0.0, 0.0, 0.0],
        prob_a=[-1.0] * 3,
        prob_b=odds,
        support_vectors=[1.0, 2.0, 3.0],
        vectors_per_class=[1, 1, 1],
    )
    assert labels.tolist() == ["a"]
    np.testing.assert_allclose(scores, [p], **CLOSE)


def test_support_vector_regression_and_outliers_are_libsvms(table):
    x, y = table
    for machine, one_class in ((SVR(gamma=0.3), 0), (OneClassSVM(gamma=0.3, nu=0.2), 1)):
        fitted = machine.fit(x, y)
        result = support_vectors.svm_regressor(
            x,
            coefficients=listed(fitted.dual_coef_),
            kernel_params=[0.3, 0.0, 0.0],
            kernel_type="RBF",
            n_supports=len(fitted.support_vectors_),
            one_class=one_class,
            rho=listed(fitted.intercept_),
            support_vectors=listed(fitted.support_vectors_),
        )
        np.testing.assert_allclose(result[:, 0], fitted.predict(x), rtol=1e-4, atol=1e-4)
    flat = support_vectors.svm_regressor(np.array([[2.0, 3.0]]), coefficients=[10.0, 1.0], rho=[0.5])
    assert flat.tolist() == [[23.5]]


def test_forests_are_scikit_learns(table):
    x, y = table
    regressor = RandomForestRegressor(5, max_depth=4, random_state=0).fit(x, np.stack([y, -y], 1))
    nodes, leaves = nodes_of(regressor)
    votes = [(tree, node, target, value) for tree, node, values in leaves for target, value in enumerate(values)]
    names = ("target_treeids", "target_nodeids", "target_ids", "target_weights")
    attributes = dict(zip(names, map(list, zip(*votes, strict=True)), strict=True))
    result = trees.tree_ensemble_regressor(x, n_targets=2, aggregate_function="AVERAGE", **nodes, **attributes)
    np.testing.assert_allclose(result, regressor.predict(x), **CLOSE)

    classifier = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, y)
    nodes, leaves = nodes_of(classifier)
    votes = [(tree, node, label, value / 5) for tree, node, values in leaves for label, value in enumerate(values)]
    names = ("class_treeids", "class_nodeids", "class_ids", "class_weights")
    attributes = dict(zip(names, map(list, zip(*votes, strict=True)), strict=True))
    labels, scores = trees.tree_ensemble_classifier(x, classlabels_int64s=[0, 1, 2], **nodes, **attributes)
    np.testing.assert_array_equal(labels, classifier.predict(x))
    np.testing.assert_allclose(scores, classifier.predict_proba(x), **CLOSE)


def stump(mode="BRANCH_LEQ", threshold=1.0, **more):
    return {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": [mode, "LEAF", "LEAF"],
        "nodes_values": [threshold, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        **more,
    }


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("BRANCH_LEQ", [1, 1, 0]),
        ("BRANCH_LT", [1, 0, 0]),
        ("BRANCH_GTE", [0, 1, 1]),
        ("BRANCH_GT", [0, 0, 1]),
        ("BRANCH_EQ", [0, 1, 0]),
        ("BRANCH_NEQ", [1, 0, 1]),
    ],
)
@pytest.mark.parametrize("tracks", [0, 1])
def test_branches_and_missing_values(mode, expected, tracks):
    votes = {"target_treeids": [0], "target_nodeids": [1], "target_ids": [0], "target_weights": [1.0]}
    x = np.array([[0], [1], [2], [np.nan]], np.float32)
    more = {"nodes_missing_value_tracks_true": [tracks, 0, 0]}
    assert trees.tree_ensemble_regressor(x, **stump(mode, **more), **votes)[:, 0].tolist() == [*expected, tracks]


@pytest.mark.parametrize(("aggregate", "expected"), [("SUM", 4.0), ("AVERAGE", 4.0), ("MIN", -1.0), ("MAX", 5.0)])
def test_aggregates_of_a_leafs_votes_and_base_values(aggregate, expected):
    votes = {"target_treeids": [0, 0], "target_nodeids": [1, 1], "target_ids": [0, 0], "target_weights": [-1.0, 5.0]}
    x = np.array([[0.0], [2.0]], np.float32)
    result = trees.tree_ensemble_regressor(x, aggregate_function=aggregate, base_values=[0.5], **stump(), **votes)
    assert result[:, 0].tolist() == [expected + 0.5, 0.5]


@pytest.mark.parametrize(
    ("weights", "post_transform", "expected"),
    [
        ([0.75, 0.25], "NONE", [[0.25, 0.75], [0.75, 0.25]]),
        ([2.0, -2.0], "LOGISTIC", [[0.1192029, 0.8807971], [0.8807971, 0.1192029]]),
    ],
)
def test_votes_for_one_of_two_classes_score_the_second(weights, post_transform, expected):
    votes = {"class_treeids": [0, 0], "class_nodeids": [1, 2], "class_ids": [0, 0], "class_weights": weights}
    labels, scores = trees.tree_ensemble_classifier(
        np.array([[0.0], [2.0]], np.float32),
        classlabels_strings=["no", "yes"],
        post_transform=post_transform,
        **stump(),
        **votes,
    )
    assert labels.tolist() == ["yes", "no"]
    np.testing.assert_allclose(scores, expected, **CLOSE)


def test_damaged_trees_are_refused():
    votes = {"target_treeids": [0], "target_nodeids": [1], "target_ids": [0], "target_weights": [1.0]}
    x = np.ones((1, 1), np.float32)
    with pytest.raises(BadModelFile, match="node 9 of tree 0"):
        trees.tree_ensemble_regressor(x, **stump() | {"nodes_truenodeids": [9, 0, 0]}, **votes)
    with pytest.raises(BadModelFile, match="circles"):
        trees.tree_ensemble_regressor(x, **stump() | {"nodes_truenodeids": [0, 0, 0]}, **votes)
    with pytest.raises(BadModelFile, match="feature 3 of 1"):
        trees.tree_ensemble_regressor(x, **stump() | {"nodes_featureids": [3, 0, 0]}, **votes)
