"""scikit-learn's models, alone or behind scalers and PCA. scikit-learn itself is imported only to read files: a model brings its own."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgewright.errors import BadModelFile, EdgewrightError, MissingTool, UnsupportedModel
from edgewright.frontends import LARGEST_FILE_BYTES, FrontEnd, read_bytes
from edgewright.frontends._sklearn_arrays import check_fitted, kind_of
from edgewright.frontends._sklearn_classes import BAYES, CENTRES, add_bayes, read_centres
from edgewright.frontends._sklearn_isolation import ISOLATION
from edgewright.frontends._sklearn_linear import (
    LINEAR_CLASSIFIERS,
    LINEAR_REGRESSORS,
    PERCEPTRONS,
    Layers,
    add_layers,
    read_layers,
)
from edgewright.frontends._sklearn_neighbours import NEIGHBOURS, read_neighbours
from edgewright.frontends._sklearn_steps import FITTED, Product, Scaler, check_step, read_step
from edgewright.frontends._sklearn_trees import ENSEMBLES, add_trees
from edgewright.frontends._sklearn_vectors import ONE_CLASS, VECTOR_MACHINES, read_vectors
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

# How each kind of model becomes layers
READERS: dict[str, Callable[[Any, str, int], Layers]] = {
    **dict.fromkeys((*LINEAR_CLASSIFIERS, *LINEAR_REGRESSORS, *PERCEPTRONS), read_layers),
    **dict.fromkeys(VECTOR_MACHINES, read_vectors),
    **dict.fromkeys(NEIGHBOURS, read_neighbours),
    **dict.fromkeys(CENTRES, read_centres),
}
MODELS = (*ENSEMBLES, *READERS, *BAYES)
OF_OUTLIERS = (*ISOLATION, *ONE_CLASS)
OUTLIER_LABELS = ("-1", "1")
MOST_FEATURES = 2**20  # far more than any device reads
# Beyond what skops itself holds to be safe: arrays, which `to_graph` checks, and what is left of training or serves searching, which
# it never reads
TRUSTED = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)


def claims(model: object) -> bool:
    """Whether `to_graph` takes this class of model: one of scikit-learn's own, not a subclass that may predict otherwise."""
    return kind_of(model) in (*MODELS, "Pipeline")


def supported() -> str:
    """Return the classes that `to_graph` takes, for messages."""
    scalers = ", ".join(name for name in FITTED if name != "PCA")
    return f"{', '.join(MODELS)}, or a Pipeline that has {scalers} or, but for trees, PCA before one of these"


def to_graph(model: Any) -> Graph:
    """Return a fitted model as a float graph with one input, the raw features [features].

    Out come the class probabilities of trees, the scores of other classifiers, one a class, or what a regressor predicts [targets].
    Raises UnsupportedModel where the model or a step of its pipeline is of another class, not fitted, or has what is not taken.
    """
    *steps, last = _stages(model) or [model]
    kind = kind_of(last)
    if kind not in MODELS:
        raise UnsupportedModel(
            f"The scikit-learn front end does not take {type(last).__module__}.{type(last).__qualname__}. It takes {supported()}."
        )
    for step in steps:
        check_step(step)
    check_fitted(last, "n_features_in_")
    features = int((steps or [last])[0].n_features_in_)
    if not 0 < features <= MOST_FEATURES:
        raise BadModelFile(f"This {kind} is damaged: it says that it takes {features} features.")
    builder = Builder(kind)
    x = builder.input("x", Type((features,)))
    read: list[Scaler | Product] = []
    for step in steps:
        read.append(read_step(step, features))
        features = read[-1].outputs
    if kind in ENSEMBLES:
        y = add_trees(builder, x, read, last, kind)
    elif kind in BAYES:
        y = add_bayes(builder, x, read, last, kind, features)
    else:
        y = add_layers(builder, x, read, READERS[kind](last, kind, features))
    labels = OUTLIER_LABELS if kind in OF_OUTLIERS else tuple(str(label) for label in getattr(last, "classes_", ()))
    return builder.finish(y, labels=labels)


def _stages(model: Any) -> list[Any]:
    """Return the steps of a pipeline and its model; the steps that do nothing are left out."""
    if kind_of(model) != "Pipeline":
        return [model]
    return [
        step for _, step in model.steps if step is not None and not (isinstance(step, str) and step == "passthrough")
    ]


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
