"""ai.onnx.ml: linear models, support vector machines and scalers, as scikit-learn models are exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Floats, Flow, ModelBuilder, Operation, along_line, settle
from edgewright.frontends._onnx_nodes import Rule, dense_of
from edgewright.frontends._onnx_trees import tree_classifier, tree_ensemble, tree_regressor

KEEPS_LARGEST = ("NONE", "SOFTMAX", "LOGISTIC")  # transforms of scores that do not change which is the largest
CLASSES = 2  # of a machine that decides between one pair


def vector_of(node: Operation) -> Flow:
    """Return the first input as a vector of features. Raises UnsupportedModel."""
    x = node.flow
    if len(x.shape) != 1 or x.batch_at or x.flattened:
        raise UnsupportedModel(f"it reads rows of shape {list(x.shape)}; one vector of features is compiled")
    return x


def numbers(node: Operation, name: str) -> Floats:
    """Return an attribute that is a list of floats, empty where it is not given."""
    values = np.asarray(node.attributes.get(name, []), np.float64).ravel()
    if not np.all(np.isfinite(values)):
        raise UnsupportedModel(f"its {name} hold NaN or infinity")
    return values


def named(builder: ModelBuilder, node: Operation) -> int:
    """Remember the labels of a classifier, and return how many there are. Raises BadModelFile."""
    kinds = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")
    given = [node.attributes[kind] for kind in kinds if node.attributes.get(kind)]
    if len(given) != 1:
        raise BadModelFile("its class labels must be given as integers or as strings, one of the two")
    builder.labels = tuple(
        entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry) for entry in given[0]
    )
    if node.text("post_transform", "NONE") not in KEEPS_LARGEST:
        raise UnsupportedModel(
            f"its post_transform is {node.text('post_transform', '')}; {', '.join(KEEPS_LARGEST)} are compiled"
        )
    return len(builder.labels)


def decided(flow: Flow) -> tuple[Flow, Flow]:
    """Return what stands for the label and for the scores of a classifier: the scores, whose largest is the class."""
    return replace(flow, left_out="label"), replace(flow, left_out="transform of scores")


def plain_output(node: Operation) -> None:
    """Raise UnsupportedModel where a regression is transformed."""
    if node.text("post_transform", "NONE") != "NONE":
        raise UnsupportedModel(
            f"its post_transform is {node.text('post_transform', '')}; a regression without is compiled"
        )


def scaler(builder: ModelBuilder, node: Operation) -> Flow:
    """(x - offset) * scale."""
    x = node.flow
    offset, scale = (numbers(node, name) for name in ("offset", "scale"))
    offset, scale = (entry if entry.size else np.full(1, default) for entry, default in ((offset, 0.0), (scale, 1.0)))
    if any(entry.size not in (1, *x.shape[-1:]) for entry in (offset, scale)) or x.flattened:
        raise BadModelFile(
            f"its {offset.size} offsets and {scale.size} scales do not fit rows of shape {list(x.shape)}"
        )
    return along_line(x, scale, -offset * scale)


def normalizer(builder: ModelBuilder, node: Operation) -> Flow:
    """Normalizer of scores, which keeps the largest."""
    if not node.flow.left_out or node.text("norm", "MAX") == "MAX":
        raise UnsupportedModel(
            "it divides by the size of a row; behind a classifier only (L1, L2) is that compiled. Leave it out"
        )
    return node.flow


def zip_map(builder: ModelBuilder, node: Operation) -> Flow:
    """ZipMap: the scores stay a vector, labelled."""
    return node.flow


def _linear(node: Operation, x: Flow, rows: int) -> tuple[Floats, Floats]:
    weights, bias = numbers(node, "coefficients"), numbers(node, "intercepts")
    if weights.size != rows * x.shape[0] or bias.size not in (0, rows):
        raise BadModelFile(
            f"its {weights.size} coefficients and {bias.size} intercepts do not fit {rows} outputs of {x.shape[0]} features"
        )
    return weights.reshape(rows, -1), bias if bias.size else np.zeros(rows)


def linear_regressor(builder: ModelBuilder, node: Operation) -> Flow:
    """A product with the coefficients."""
    plain_output(node)
    x = vector_of(node)
    return dense_of(builder, x, *_linear(node, x, int(node.number("targets", 1))), None)


def linear_classifier(builder: ModelBuilder, node: Operation) -> tuple[Flow, Flow]:
    """A score a class; one row of coefficients for two classes scores the second against the first."""
    x, classes = vector_of(node), named(builder, node)
    if classes == CLASSES and numbers(node, "coefficients").size == x.shape[0]:
        weights, bias = _linear(node, x, 1)
        return decided(dense_of(builder, x, np.concatenate([-weights, weights]), np.concatenate([-bias, bias]), None))
    return decided(dense_of(builder, x, *_linear(node, x, classes), None))


def _similarities(builder: ModelBuilder, node: Operation, x: Flow, count: int) -> tuple[Flow, Floats | None]:
    """Return how near x is to each support vector; for a linear kernel x itself, and the vectors for the weights behind."""
    vectors, kind = numbers(node, "support_vectors"), node.text("kernel_type", "LINEAR")
    if vectors.size != count * x.shape[0] or not count:
        raise BadModelFile(f"{vectors.size} numbers are not {count} vectors of {x.shape[0]} features")
    vectors = vectors.reshape(count, -1)
    if kind == "LINEAR":
        return x, vectors
    if kind != "RBF":
        raise UnsupportedModel(f"its kernel is {kind}; LINEAR and RBF are compiled. Train it with one of them")
    gamma = float(numbers(node, "kernel_params")[0]) if numbers(node, "kernel_params").size else 0.0
    value = settle(builder, x)
    distances = builder.node("squared_distance", x=value, prototypes=builder.constant("vectors", vectors))
    near = builder.node("exp", x=distances, attributes={"factor": -gamma})
    return Flow(near, (count,)), None


def _machine(builder: ModelBuilder, node: Operation, coefficients: Floats, rho: Floats, count: int) -> Flow:
    """Return the sums of similarities with coefficients [rows, vectors], plus rho [rows]."""
    near, vectors = _similarities(builder, node, vector_of(node), count)
    return dense_of(builder, near, coefficients if vectors is None else coefficients @ vectors, rho, None)


def svm_regressor(builder: ModelBuilder, node: Operation) -> Flow:
    """Support vector regression, and the score of a one-class machine, whose sign says whether a row is an inlier."""
    plain_output(node)
    if node.number("one_class", 0):
        raise UnsupportedModel(
            "it answers 1 or -1 (one_class); export the decision function, or train an IsolationForest"
        )
    count, coefficients, rho = int(node.number("n_supports", 0)), numbers(node, "coefficients"), numbers(node, "rho")
    if rho.size != 1 or coefficients.size != (count or vector_of(node).shape[0]):
        raise BadModelFile(
            f"its {coefficients.size} coefficients and {rho.size} rho do not fit {count} support vectors"
        )
    if not count:
        if node.text("kernel_type", "LINEAR") != "LINEAR":
            raise BadModelFile("it has a kernel and no support vectors")
        return dense_of(builder, vector_of(node), coefficients[None], rho, None)
    return _machine(builder, node, coefficients[None], rho, count)


def svm_classifier(builder: ModelBuilder, node: Operation) -> tuple[Flow, Flow]:
    """A machine that decides between two classes, or a linear one with a score a class."""
    x, classes = vector_of(node), named(builder, node)
    rho, coefficients = numbers(node, "rho"), numbers(node, "coefficients")
    counts = [int(entry) for entry in np.ravel(node.attributes.get("vectors_per_class", []))]
    if not counts:
        if node.text("kernel_type", "LINEAR") != "LINEAR" or coefficients.size != classes * x.shape[0]:
            raise BadModelFile(
                f"its {coefficients.size} coefficients do not fit {classes} classes of {x.shape[0]} features"
            )
        bias = np.broadcast_to(rho, (classes,)) if rho.size in (1, classes) else np.zeros(0)
        if bias.size != classes:
            raise BadModelFile(f"it has {rho.size} rho for {classes} classes")
        return decided(dense_of(builder, x, coefficients.reshape(classes, -1), bias, None))
    if classes != CLASSES or len(counts) != CLASSES:
        raise UnsupportedModel(
            f"it lets pairs of {classes} classes vote; two classes are compiled from ONNX. Give Edgewright the scikit-learn model itself"
        )
    if coefficients.size != sum(counts) or rho.size != 1 or min(counts) < 0:
        raise BadModelFile(
            f"its {coefficients.size} coefficients and {rho.size} rho do not fit {sum(counts)} support vectors"
        )
    a, b = (numbers(node, name) for name in ("prob_a", "prob_b"))
    # The probability of the first class is above one half where a * decision + b is below 0
    slope, offset = (-float(a[0]), -float(b[0])) if a.size and b.size else (1.0, 0.0)
    row, start = slope * coefficients, slope * float(rho[0]) + offset
    return decided(_machine(builder, node, np.stack([row, -row]), np.array([start, -start]), sum(counts)))


def _tree_sums(builder: ModelBuilder, node: Operation) -> Flow:
    plain_output(node)
    return tree_regressor(builder, node, vector_of(node))


def _tree_classes(builder: ModelBuilder, node: Operation) -> tuple[Flow, Flow]:
    return decided(tree_classifier(builder, node, vector_of(node), named(builder, node)))


def _whole_tree(builder: ModelBuilder, node: Operation) -> Flow:
    return tree_ensemble(builder, node, vector_of(node))


CLASSICAL: Mapping[str, Rule] = {
    "Scaler": scaler,
    "Normalizer": normalizer,
    "ZipMap": zip_map,
    "LinearRegressor": linear_regressor,
    "LinearClassifier": linear_classifier,
    "SVMRegressor": svm_regressor,
    "SVMClassifier": svm_classifier,
    "TreeEnsembleRegressor": _tree_sums,
    "TreeEnsembleClassifier": _tree_classes,
    "TreeEnsemble": _whole_tree,
}
