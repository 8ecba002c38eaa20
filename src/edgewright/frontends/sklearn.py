"""scikit-learn's decision trees and forests. scikit-learn itself is imported only to read files: a model brings its own."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, EdgewrightError, MissingTool, UnsupportedModel
from edgewright.frontends import LARGEST_FILE_BYTES, FrontEnd, read_bytes
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.ops.tree_ensemble import Branch, tabulate

TREES = ("DecisionTreeClassifier", "ExtraTreeClassifier")
FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier")
TRUSTED = ("sklearn.tree._tree.Tree",)  # beyond what skops itself holds to be safe: arrays, which `to_graph` checks


def claims(model: object) -> bool:
    """Whether `to_graph` takes this model: one of scikit-learn's own classes, not a subclass that may predict otherwise."""
    return type(model).__module__.partition(".")[0] == "sklearn" and type(model).__name__ in TREES + FORESTS


def supported() -> str:
    """Return the classes that `to_graph` takes, for messages."""
    return ", ".join(TREES + FORESTS)


def to_graph(model: Any) -> Graph:
    """Return a fitted classifier as a float graph: features in, the mean of the trees' class probabilities out.

    Both it and scikit-learn compare features in single precision, so the leaves reached are the same. Raises UnsupportedModel where the
    model is of another class, not fitted, has several outputs or was fitted to missing values.
    """
    if not claims(model):
        raise UnsupportedModel(
            f"The scikit-learn front end does not take {type(model).__module__}.{type(model).__qualname__}. It takes {supported()}."
        )
    kind = type(model).__name__
    if not hasattr(model, "estimators_" if kind in FORESTS else "tree_"):
        raise UnsupportedModel(f"This {kind} is not fitted; call fit first.")
    if model.n_outputs_ != 1:
        raise UnsupportedModel(f"This {kind} predicts {model.n_outputs_} outputs; train one model an output.")
    return _graph(model, [estimator.tree_ for estimator in model.estimators_] if kind in FORESTS else [model.tree_])


def _graph(model: Any, trees: list[Any]) -> Graph:
    """Return the graph of the trees. Raises BadModelFile where their arrays are not trees."""
    classes, features, kind = len(model.classes_), int(model.n_features_in_), type(model).__name__
    arrays = [_arrays(tree, features, classes, kind) for tree in trees]
    starts = np.cumsum([0, *(len(values) for *_, values in arrays)])
    visited: set[tuple[int, int]] = set()

    def expand(at: tuple[int, int]) -> int | Branch[tuple[int, int]]:
        tree, node = at
        left, right, feature, threshold, _ = arrays[tree]
        if at in visited or not 0 <= node < len(left):
            raise BadModelFile(f"Tree {tree} of this {kind} is damaged: node {node} is not a child of one node.")
        visited.add(at)
        if left[node] == -1:
            return int(starts[tree]) + node
        return int(feature[node]), float(threshold[node]), (tree, int(left[node])), (tree, int(right[node]))

    tables = tabulate([(tree, 0) for tree in range(len(trees))], expand)
    rows, leaf = np.unique(tables.leaf, return_inverse=True)
    probabilities = np.concatenate([values for *_, values in arrays])[rows] / len(trees)
    builder = Builder(kind)
    x = builder.input("x", Type((features,)))

    def table(port: str, entries: npt.ArrayLike) -> str:
        return builder.constant(port, entries, Type(np.shape(entries), "int32", 1.0))

    y = builder.node(
        "tree_ensemble",
        "probabilities",
        x=x,
        feature=table("feature", tables.feature),
        threshold=builder.constant("threshold", single_below(np.array(tables.threshold))),
        left=table("left", tables.left),
        leaf=table("leaf", leaf.ravel()),
        leaves=builder.constant("leaves", probabilities),
        size=table("size", tables.size),
    )
    return builder.finish(y, labels=tuple(str(label) for label in model.classes_))


def _arrays(tree: Any, features: int, classes: int, kind: str) -> tuple[npt.NDArray[Any], ...]:
    """Return left, right, feature, threshold [nodes] and probabilities [nodes, classes] of a tree, checked."""
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    values = np.asarray(tree.value)
    if values.shape != (len(left), 1, classes) or not np.all(np.isfinite(values)):
        raise BadModelFile(f"A tree of this {kind} is damaged: its values are not {classes} finite numbers a node.")
    inner = left != -1
    if np.any(np.isinf(threshold[inner])):
        raise UnsupportedModel(
            f"This {kind} was fitted to missing values and asks for them; a device has no NaN. Impute before fitting."
        )
    if np.any((feature[inner] < 0) | (feature[inner] >= features)) or np.any(np.isnan(threshold[inner])):
        raise BadModelFile(f"A tree of this {kind} is damaged: it reads a feature or a threshold that does not exist.")
    return left, right, feature, threshold, values[:, 0]


def single_below(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 <= each threshold: for x in single precision the comparison x <= threshold stays the same."""
    limits = np.finfo(np.float32)
    within = np.clip(thresholds, float(limits.min), float(limits.max))
    rounded = within.astype(np.float32)
    return np.asarray(np.where(rounded > within, np.nextafter(rounded, limits.min), rounded), np.float32)


def load_skops(path: Path) -> Any:
    """Return the model of a .skops file. Only types that skops itself holds to be safe are loaded; nothing in the file is executed.

    Raises BadModelFile where the file is damaged, UnsupportedModel where it holds other types, MissingTool without scikit-learn.
    """
    data = read_bytes(path)
    try:
        import sklearn  # noqa: F401 (skops needs it)
        import skops.io
    except ImportError as error:
        raise MissingTool("Reading .skops files needs scikit-learn: pip install 'edgewright[train]'.") from error
    _check_archive(path)
    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    except Exception as error:  # skops raises whatever the damage leads to
        raise _damaged(path, error) from error
    if untrusted:
        raise UnsupportedModel(
            f"{path} holds types that are not known to be safe: {', '.join(untrusted)}. Save just the fitted model, "
            f"one of {supported()}, with skops.io.dump."
        )
    try:
        return skops.io.loads(data, trusted=list(TRUSTED))
    except Exception as error:  # as above
        raise _damaged(path, error) from error


def _check_archive(path: Path) -> None:
    """Raise BadModelFile where the archive is damaged or would unpack to more than any device's model."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > LARGEST_FILE_BYTES:
                raise BadModelFile(f"{path} unpacks to {unpacked} bytes; a model has {LARGEST_FILE_BYTES} at most.")
            wrong = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, EdgewrightError):
            raise
        raise _damaged(path, error) from error
    if wrong:
        raise BadModelFile(f"{path} is not a .skops file, or it is damaged: the checksum of {wrong} is wrong.")


def read_skops(path: Path) -> Graph:
    """Return the graph of a .skops file. Raises as `load_skops` and `to_graph` do."""
    model = load_skops(path)
    try:
        return to_graph(model)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, EdgewrightError):
            raise
        raise _damaged(path, error) from error  # a model that fit never made


def _damaged(path: Path, error: Exception) -> BadModelFile:
    return BadModelFile(f"{path} is not a .skops file, or it is damaged: {type(error).__name__}: {error}.")


ENTRY = FrontEnd(
    doc="a scikit-learn model saved with skops",
    suffix=".skops",
    begins=lambda head: head.startswith(b"PK"),
    read=read_skops,
)
