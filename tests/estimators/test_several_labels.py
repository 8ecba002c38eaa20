import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from edgewright import deploy
from edgewright.errors import BadData, BadInput
from edgewright.estimators import ProtoNNClassifier

X, Y = make_multilabel_classification(600, 20, n_classes=5, n_labels=2, random_state=0)
TRAIN, TEST = slice(0, 450), slice(450, None)


@pytest.fixture(scope="module")
def fitted():
    return ProtoNNClassifier(size_kb=2, epochs=40, random_state=0).fit(X[TRAIN], Y[TRAIN])


def test_it_finds_several_labels_a_row(fitted):
    predicted = fitted.predict(X[TEST])
    assert predicted.shape == Y[TEST].shape
    commonest = np.tile((Y[TRAIN].mean(0) > 0.5).astype(int), (150, 1))
    assert f1_score(Y[TEST], predicted, average="micro") > f1_score(Y[TEST], commonest, average="micro") + 0.15
    assert {0, 1, 2} <= set(predicted.sum(1).tolist())
    assert fitted.size_bytes() <= 2048


def test_scores_probabilities_and_labels_agree(fitted):
    scores, shares, predicted = (
        method(X[TEST]) for method in (fitted.decision_function, fitted.predict_proba, fitted.predict)
    )
    assert np.array_equal(scores > 0, predicted == 1)
    assert np.array_equal(shares > 0.5, predicted == 1)
    assert shares.sum(1).std() > 0.1
    assert fitted.classes_.tolist() == [0, 1, 2, 3, 4]


def test_sparse_indicators_are_the_same(fitted):
    again = ProtoNNClassifier(size_kb=2, epochs=40, random_state=0).fit(X[TRAIN], sparse.csr_matrix(Y[TRAIN]))
    assert np.array_equal(again.decision_function(X), fitted.decision_function(X))


def test_the_board_answers_a_score_a_label(fitted):
    firmware = deploy(fitted, "microbit", X[TRAIN].astype(float))
    scores = firmware.predict(X[TEST].astype(float), engine="host")
    assert scores.shape == (150, 5)
    assert ((scores > 0) == fitted.predict(X[TEST])).mean() > 0.98
    assert firmware.verify(X[TEST][:20].astype(float)).verified
    (entry,) = firmware.program.entries
    weights = sum(count for constant, count in entry.constant_bytes.items() if not constant.endswith("_table"))
    assert 0.88 * fitted.size_bytes() < weights <= fitted.size_bytes()


def test_labels_that_no_row_has_are_never_given():
    indicators = np.pad(Y, ((0, 0), (0, 1)))
    model = ProtoNNClassifier(epochs=20, random_state=0).fit(X[TRAIN], indicators[TRAIN])
    assert model.predict(X[TEST])[:, 5].sum() == 0


TEACHERS = {
    "a matrix a label": KNeighborsClassifier(),
    "one matrix": OneVsRestClassifier(LogisticRegression(max_iter=1000)),
}


@pytest.mark.parametrize("teacher", TEACHERS.values(), ids=TEACHERS)
def test_a_classifier_of_several_labels_teaches(teacher):
    teacher.fit(X[TRAIN], Y[TRAIN])
    wrong = np.random.default_rng(0).permutation(Y[TRAIN])  # only the teacher knows better
    settings = {"epochs": 40, "batch_rows": 25, "validation_share": 0, "random_state": 0}
    alone = ProtoNNClassifier(**settings).fit(X[TRAIN], wrong)
    taught = ProtoNNClassifier(teacher=teacher, **settings).fit(X[TRAIN], wrong)
    right = [(model.predict(X[TEST]) == Y[TEST]).mean() for model in (alone, taught)]
    assert right[1] > max(0.75, right[0] + 0.1)


def test_a_teacher_of_other_labels_is_refused():
    teacher = KNeighborsClassifier().fit(X, Y[:, :3])
    with pytest.raises(BadInput, match=r"knows \[3\] labels, and the data have 5"):
        ProtoNNClassifier(epochs=3, teacher=teacher).fit(X, Y)
    with pytest.raises(BadInput, match="is not fitted"):
        ProtoNNClassifier(epochs=3, teacher=KNeighborsClassifier()).fit(X, Y)


def test_columns_of_classes_are_refused():
    with pytest.raises(BadData, match="an indicator matrix"):
        ProtoNNClassifier(epochs=3).fit(X, Y + np.arange(5))


def test_a_refit_on_one_class_a_row_forgets_the_labels(fitted):
    model = ProtoNNClassifier(epochs=3, random_state=0).fit(X[TRAIN], Y[TRAIN]).fit(X[TRAIN], Y[TRAIN, 0])
    assert model.predict(X[TEST]).shape == (150,)
    assert model.settings_.keys() == {"prototypes", "projection"}
