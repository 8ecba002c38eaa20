import numpy as np
import pytest

from edgewright import frontends
from edgewright.errors import BadModelFile
from edgewright.frontends.protonn import read_model
from edgewright.runtime.interpret import run_float

SOUND = """/* a model; const int featDim = 9; */
namespace protoNNParam {
const float gamma = 0.5;  // of the kernel; again
const unsigned int featDim = 3; const unsigned int ldDim = 2;
const unsigned int numPrototypes = 2;
const unsigned int numLabels = 4;
const  float ldProjectionMatrix[]  = {1,0,-1.5,
    0.5,2e0,.25,
};
const float prototypeMatrix[2][2] = {{0.0f, 1.0f}, {-1.0f, 2.0f}};
static const float prototypeLabelMatrix[8] = {1,0,0,2, 0,3,0,-1};
};
"""


@pytest.fixture
def header(tmp_path):
    def write(text):
        path = tmp_path / "data.h"
        path.write_text(text)
        return path

    return write


def test_scores_are_labels_by_closeness(header):
    graph = frontends.read(header(SOUND))
    x = np.random.default_rng(0).normal(0, 1, (5, 3))
    z = x @ np.array([[1, 0, -1.5], [0.5, 2, 0.25]]).T
    distance = ((z[:, None] - np.array([[0, 1], [-1, 2]])) ** 2).sum(-1)
    expected = np.exp(-0.25 * distance) @ np.array([[1, 0, 0, 2], [0, 3, 0, -1]])
    assert np.allclose(run_float(graph, x), expected, rtol=1e-5)
    assert graph.labels == ("0", "1", "2", "3")


def test_the_published_model_is_read(data_folder):
    model = read_model(data_folder("gesturepod") / "data.h")
    assert (model.projection.shape, model.prototypes.shape, model.labels.shape) == ((10, 124), (24, 10), (24, 10))
    assert model.gamma == 0.001213
    assert model.prototypes[0, 0] == -330.386


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("const float gamma = 0.5;", "", "gamma is not declared"),
        ("ldDim = 2", "ldDim = 0", "ldDim must be a whole number in 1..32767"),
        ("ldDim = 2", "ldDim = 99999999999", "ldDim must be a whole number"),
        ("featDim = 3", "featDim = 4", "ldProjectionMatrix holds 6 numbers where 2 x 4 are needed"),
        ("1,0,-1.5", "1,0,nan", "holds 'nan' where a number is needed"),
        ("1,0,-1.5", "1,0,1e999", "too large"),
        ("1,0,-1.5", "1,,0", "holds '' where a number is needed"),
        ("= 0.5", "= system(1)", "holds 'system(1)' where a number is needed"),
        ("const float gamma", "gamma", "is no declaration of numbers"),
        ("const unsigned int numLabels", "/* numLabels", "a comment does not end"),
        ("ldProjectionMatrix", "projection", "ldProjectionMatrix is not declared"),
    ],
)
def test_a_damaged_header_says_what_is_wrong(header, old, new, said):
    assert old in SOUND
    with pytest.raises(BadModelFile) as caught:
        read_model(header(SOUND.replace(old, new)))
    assert said in str(caught.value)


def test_all_problems_are_listed(header):
    with pytest.raises(BadModelFile) as caught:
        read_model(header("const float x = 1;"))
    assert str(caught.value).count("is not declared") == 8


def test_bytes_that_are_no_text(header):
    path = header("")
    path.write_bytes(b"/* \xff")
    with pytest.raises(BadModelFile, match="no header of a ProtoNN model"):
        read_model(path)


@pytest.mark.parametrize("text", ["/*" * 100_000, "{" * 300_000, " " * 300_000 + "x = ;", "[]" * 100_000 + "="])
def test_a_long_nonsense_takes_no_long_time(header, text):
    with pytest.raises(BadModelFile):
        read_model(header(text))
