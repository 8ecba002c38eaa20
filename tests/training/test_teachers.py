import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from edgewright.errors import BadInput
from edgewright.training.teachers import teacher_scores

X, Y = make_classification(90, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
X = X.astype(np.float32)
NAMES = np.array(["ant", "bee", "cow"])


def test_probabilities_become_their_logarithms():
    teacher = LinearDiscriminantAnalysis().fit(X, NAMES[Y])
    found = teacher_scores(teacher, X, NAMES)
    assert found.dtype == torch.float32
    assert np.allclose(torch.softmax(found, 1), teacher.predict_proba(X), atol=1e-5)
    frozen = teacher_scores(
        FrozenEstimator(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(X, NAMES[Y])), X, NAMES
    )
    assert np.array_equal(frozen.argmax(1), found.argmax(1))


def test_a_probability_of_zero_stays_finite():
    found = teacher_scores(DecisionTreeClassifier(random_state=0).fit(X, Y), X, np.arange(3))
    assert torch.isfinite(found).all()
    assert np.array_equal(found.argmax(1), Y)


def test_the_columns_follow_the_classes_asked_for():
    teacher = LinearDiscriminantAnalysis().fit(X, NAMES[Y])
    straight, turned = (teacher_scores(teacher, X, classes) for classes in (NAMES, NAMES[[2, 0, 1]]))
    assert torch.equal(turned, straight[:, [2, 0, 1]])


def test_decision_functions_serve_where_there_are_no_probabilities():
    teacher = LinearSVC(random_state=0).fit(X, Y)
    assert np.allclose(teacher_scores(teacher, X, np.arange(3)), teacher.decision_function(X), atol=1e-5)
    two = Y < 2
    teacher = LinearSVC(random_state=0).fit(X[two], Y[two])
    found = teacher_scores(teacher, X[two], np.arange(2))
    assert np.allclose(found[:, 1] - found[:, 0], teacher.decision_function(X[two]), atol=1e-5)


def test_rows_are_flat_for_a_table_teacher():
    teacher = LinearDiscriminantAnalysis().fit(X, Y)
    assert torch.equal(
        teacher_scores(teacher, X.reshape(-1, 3, 2), np.arange(3)), teacher_scores(teacher, X, np.arange(3))
    )


def test_a_torch_module_sees_rows_as_they_are_and_keeps_its_mode():
    seen = []

    class Module(torch.nn.Module):
        def forward(self, x):
            seen.append((tuple(x.shape), self.training))
            return x[:, 0].double() * 3

    module = Module().train()
    found = teacher_scores(module, X.reshape(-1, 2, 3), np.arange(3))
    assert np.allclose(found, X.reshape(-1, 2, 3)[:, 0] * 3)
    assert seen == [((90, 2, 3), False)]
    assert module.training


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (
            LinearDiscriminantAnalysis().fit(X, Y + 1),
            "LinearDiscriminantAnalysis knows the classes 1, 2, 3, and the data have 0, 1, 2",
        ),
        (LinearDiscriminantAnalysis().fit(X[Y < 2], Y[Y < 2]), "knows the classes 0, 1, and the data have 0, 1, 2"),
        (LinearDiscriminantAnalysis().fit(X[:, :4], Y), "was fitted on 4 features, and these rows have 6"),
        (LinearDiscriminantAnalysis(), r"LinearDiscriminantAnalysis is not fitted.*sklearn.frozen.FrozenEstimator"),
        (LinearDiscriminantAnalysis, "cannot teach: a teacher is a fitted classifier"),
        (StandardScaler().fit(X), "StandardScaler cannot teach"),
        (
            torch.nn.Linear(6, 4),
            r"Linear gave \[90, 4\] scores, and one finite score a row and class is needed, \[90, 3\]",
        ),
        (torch.nn.Linear(5, 3), r"Linear cannot score rows of shape \[6\]"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(teacher, message):
    with pytest.raises(BadInput, match=message):
        teacher_scores(teacher, X, np.arange(3))
