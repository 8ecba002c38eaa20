import numpy as np
import pytest
from learners import as_read, fewest_epochs

from edgewright import data, deploy, estimators
from edgewright.compress import hard_threshold
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.errors import BadInput
from edgewright.estimators import _bonsai_plans, _protonn_plans
from edgewright.estimators._size import AFFINE_BYTES, Budget, Plan, matrix_bytes, matrix_bytes_at_most
from edgewright.ops.sparse_dense import least_bytes, stored_bytes

DIGITS = data.get("digits").load()


@pytest.mark.parametrize(
    ("rows", "columns", "density"), [(5, 40, 0.1), (3, 700, 0.004), (2, 700, 0.45), (4, 9, 0.0), (6, 30, 0.9)]
)
def test_a_matrix_takes_the_smaller_of_dense_and_sparse(rows, columns, density):
    generator = np.random.default_rng(0)
    matrix = generator.integers(1, 100, (rows, columns)) * (generator.random((rows, columns)) < density)
    assert matrix_bytes(matrix) == least_bytes(rows * columns, stored_bytes(matrix)) + rows


@pytest.mark.parametrize("columns", [1, 20, 255, 256, 257, 900])
@pytest.mark.parametrize("density", [0.002, 0.1, 0.3, 0.45, 1.0])
def test_the_size_known_beforehand_is_never_passed(columns, density):
    generator = np.random.default_rng(1)
    rows = 4
    count = hard_threshold.kept(rows * columns, HardThreshold(density))
    for _ in range(20):
        matrix = np.zeros(rows * columns, np.int64)
        matrix[generator.permutation(rows * columns)[:count]] = 1
        if generator.random() < 0.5:  # the same number, all in the last rows and columns
            matrix = np.sort(matrix)
        assert matrix_bytes(matrix.reshape(rows, columns)) <= matrix_bytes_at_most(rows, columns, density)


WIDE = _bonsai_plans.Wanted(None, None, None)


def trees(outputs):
    def found(model):
        budget = Budget("x", model.size_kb, taken=AFFINE_BYTES if outputs == 1 else 0)
        density = _bonsai_plans.choose(64, outputs, WIDE, budget).densities["Z"]
        return _bonsai_plans.plans(64, outputs, model.settings_["depth"], density)

    return found


def others(model):
    """What is not searched for."""
    return {name: value for name, value in model.settings_.items() if not name.startswith("hidden")}


PLANS = {
    "bonsai": trees(10),
    "bonsai-regressor": trees(1),
    "protonn": lambda model: _protonn_plans.plans(64, 10, _protonn_plans.Wanted(None, None, None)),
    **dict.fromkeys(("fastgrnn", "fastrnn", "ugrnn", "gru", "lstm"), lambda model: model._plans(8, 10)),
    **dict.fromkeys(("emi", "msc"), lambda model: model._plans(8, 10, others(model))),
    "sharnn": lambda model: model._plans(8, 10, model.settings_["brick"]),
}


@pytest.mark.parametrize("name", estimators.names())
@pytest.mark.parametrize("size_kb", [0.5, 1, 2, 4])
def test_the_largest_setting_that_fits_is_taken(name, size_kb):
    model = estimators.get(name)(size_kb=size_kb, epochs=fewest_epochs(name), random_state=0)
    split = as_read(DIGITS, name)
    model.fit(split.x_train[:100], split.y_train[:100])
    limit = size_kb * 1024
    assert model.size_bytes() <= limit
    found = list(PLANS[name](model))
    line = AFFINE_BYTES if name == "bonsai-regressor" else 0
    sizes = [plan.size_bytes + line for plan in found]
    assert sizes == sorted(sizes)
    taken = [plan.settings for plan in found].index(model.settings_)
    assert sizes[taken] <= limit
    assert taken + 1 == len(sizes) or sizes[taken + 1] > limit
    assert model.size_bytes() > 0.7 * sizes[taken]


def test_the_step_that_standardises_each_feature_counts():
    x = DIGITS.x_train[:100]
    common, feature = (
        estimators.BonsaiClassifier(projection=4, depth=1, density=1, epochs=3, random_state=0, standardise=kind).fit(
            x, DIGITS.y_train[:100]
        )
        for kind in ("common", "feature")
    )
    assert feature.size_bytes() == common.size_bytes() + 7 * 64
    tight = estimators.BonsaiClassifier(size_kb=1, epochs=3, random_state=0, standardise="feature").fit(
        x, DIGITS.y_train[:100]
    )
    assert tight.size_bytes() <= 1024


@pytest.mark.parametrize(("size_kb", "depth"), [(4, 2), (2, 1), (0.8, 0)])
def test_a_smaller_budget_takes_a_shallower_tree(size_kb, depth):
    model = estimators.BonsaiClassifier(size_kb=size_kb, epochs=3, random_state=0).fit(
        DIGITS.x_train[:60], DIGITS.y_train[:60]
    )
    assert model.settings_["depth"] == depth


@pytest.mark.parametrize(
    ("size_kb", "settings", "density"),
    [(20, (51, 3), 0.2), (16, (64, 2), 0.2), (6.3, (27, 2), 0.2), (3.6, (16, 2), 0.15), (2.5, (17, 1), 0.2)],
)
def test_dimensions_come_before_depth_and_density_last(size_kb, settings, density):
    plan = _bonsai_plans.choose(256, 10, WIDE, Budget("x", size_kb))
    assert (plan.settings["projection"], plan.settings["depth"]) == settings
    assert plan.densities == {"Z": density}


def test_a_budget_for_a_tree_counts_every_hyper_parameter():
    for density in (None, 0.1, 1.0):
        for depth in (None, 0, 2, 5):
            for projection in (None, 7):
                wanted = _bonsai_plans.Wanted(depth, projection, density)
                plan = _bonsai_plans.choose(256, 10, wanted, Budget("x", 16))
                assert plan.size_bytes <= 16 * 1024
                assert depth in (None, plan.settings["depth"])
                assert projection in (None, plan.settings["projection"])
                assert density in (None, plan.densities.get("Z", 1.0))


def test_settings_that_are_given_are_kept():
    x, y = DIGITS.x_train[:60], DIGITS.y_train[:60]
    bonsai = estimators.BonsaiClassifier(projection=3, depth=3, size_kb=None, epochs=3).fit(x, y)
    assert bonsai.settings_ == {"projection": 3, "depth": 3}
    protonn = estimators.ProtoNNClassifier(prototypes=17, epochs=3).fit(x, y)
    assert protonn.settings_["prototypes"] == 17
    assert 1 < protonn.settings_["projection"] <= 64
    protonn = estimators.ProtoNNClassifier(projection=5, epochs=3).fit(x, y)
    assert protonn.settings_["projection"] == 5


def test_what_cannot_fit_says_what_would():
    model = estimators.BonsaiClassifier(size_kb=0.05, epochs=3)
    with pytest.raises(
        BadInput, match=r"No BonsaiClassifier fits size_kb=0.05: .* smallest takes (\d+) bytes \(size_kb=0.\d+\)"
    ):
        model.fit(DIGITS.x_train[:60], DIGITS.y_train[:60])


def test_a_budget_counts_what_is_taken():
    plans = [Plan({}, {}, size) for size in (100, 200, 300)]
    assert Budget("x", None).largest(plans).size_bytes == 300
    assert Budget("x", 200 / 1024).largest(plans).size_bytes == 200
    assert Budget("x", 200 / 1024, taken=1).largest(plans).size_bytes == 100


@pytest.mark.parametrize("standardise", ["common", "feature"])
@pytest.mark.parametrize("name", estimators.names())
def test_the_size_is_that_of_the_constants_in_the_c(name, standardise):
    split = as_read(DIGITS, name)
    x, y = split.x_train[:300], split.y_train[:300]
    model = estimators.get(name)(size_kb=2, epochs=fewest_epochs(name), standardise=standardise, random_state=0).fit(
        x, y
    )
    (entry,) = deploy(model, "microbit", x).program.entries
    weights = sum(count for constant, count in entry.constant_bytes.items() if not constant.endswith("_table"))
    assert weights <= model.size_bytes() <= 2048
    assert model.size_bytes() < 1.12 * weights  # biases that did not need 32 bits
