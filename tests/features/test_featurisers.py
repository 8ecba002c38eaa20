"""Featurisers: training sees what the device computes, and bad recordings are named."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from edgewright import boards, engines, features
from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import quantise
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.errors import BadData, BadInput, PoorRecordings, UnknownName
from edgewright.features.log_mel import LogMel
from edgewright.features.mfcc import MFCC
from edgewright.features.normalise import Normalise
from edgewright.features.statistics import Statistics
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.runtime.interpret import run_float

SMALL = LogMel(sample_rate=8000, frame=50, hop=40, bands=6, low=100.0)
SENSOR = Statistics(20, 10, ("mean", "deviation", "zero_crossings"), bits=12)


def sound(rows=6, samples=400, seed=0):
    generator = np.random.default_rng(seed)
    loudness = 10.0 ** generator.uniform(0.5, 4, (rows, 1))
    return (loudness * generator.normal(0, 1, (rows, samples))).clip(-32000, 32000).astype(np.int16)


def normalised():
    return Normalise.fitted(SMALL, sound())


FEATURISERS = {
    "log-mel": lambda: SMALL,
    "mfcc": lambda: MFCC(SMALL, coefficients=4),
    "statistics": lambda: SENSOR,
    "normalise": normalised,
}


def float_graph(featuriser, raw):
    builder = Builder("features")
    return builder.finish(featuriser.add_to(builder, builder.input("x", Type(raw))))


@pytest.mark.parametrize("name", FEATURISERS)
def test_shape_is_that_of_the_graph_and_of_the_features(name):
    featuriser = FEATURISERS[name]()
    for raw in ((400,), (400, 1)):
        assert float_graph(featuriser, raw).output_type.shape == featuriser.shape(raw)
        x = sound().reshape(-1, *raw)
        assert features.transform(featuriser, x).shape == (len(x), *featuriser.shape(raw))
    assert isinstance(featuriser, features.Featuriser)


@pytest.mark.parametrize("name", FEATURISERS)
def test_features_do_not_depend_on_calibration(name):
    featuriser, x = FEATURISERS[name](), sound()
    graph = float_graph(featuriser, (400,))
    quiet, loud = (quantise(graph, data) for data in (np.clip(x, -20, 20), x))
    assert quiet.hash == loud.hash
    assert quiet.input_type == Type((400,), "int16", 1.0)


@pytest.mark.parametrize(
    ("name", "tolerance"), [("log-mel", 0.01), ("mfcc", 0.05), ("statistics", 0.04), ("normalise", 0.01)]
)
def test_features_are_near_the_real_ones(name, tolerance):
    featuriser, x = FEATURISERS[name](), sound().clip(-2048, 2047)
    real = run_float(float_graph(featuriser, (400,)), x.astype(np.float64))
    assert np.median(np.abs(features.transform(featuriser, x) - real)) < tolerance


@pytest.mark.parametrize("name", FEATURISERS)
@pytest.mark.parametrize("board", ["host", "stm32f405", pytest.param("microbit", marks=pytest.mark.slow)])
def test_c_gives_the_same_features(name, board):
    engine = engines.get(boards.get(board).engine)
    if reason := engine.why_not(boards.get(board)):
        pytest.skip(reason)
    featuriser, x = FEATURISERS[name](), sound()
    graph = features.integer_graph(featuriser, (400,))
    image = engine.build(emit({"f": graph}, "f", features=boards.get(board).cpu.features), board)
    (entry,) = image.program.entries
    (computed,) = unpack_outputs(entry, engine.run(image, "f", pack_inputs(entry, [x.astype(np.int64)])).outputs)
    np.testing.assert_array_equal(computed * graph.output_type.scale, features.transform(featuriser, x))


def test_four_times_the_energy_is_two_more():
    x = sound(seed=3).clip(-8000, 8000)
    one, two = (features.transform(SMALL, factor * x) for factor in (1, 2))
    loud = one > 12
    assert loud.any()
    assert np.abs(two - one - 2)[loud].max() < 0.02


def test_normalised_features_have_no_mean_and_one_deviation():
    values = features.transform(normalised(), sound())
    rows = values.reshape(-1, values.shape[-1])
    assert np.abs(rows.mean(axis=0)).max() < 0.01
    assert np.abs(rows.std(axis=0) - 1).max() < 0.01


def test_catalogue_gives_the_classes():
    assert {"log-mel", "mfcc", "statistics", "normalise"} <= set(features.names())
    assert features.get("log-mel") is LogMel
    with pytest.raises(UnknownName, match="log-mel"):
        features.get("log-mell")


def test_recordings_that_are_too_short_are_refused():
    for featuriser in (SMALL, MFCC(SMALL, 4)):
        with pytest.raises(BadData, match="49 samples is shorter than one frame of 50"):
            features.transform(featuriser, sound(2, 49))
    with pytest.raises(BadData, match="shorter than one window of 20"):
        features.transform(SENSOR, sound(2, 19))


def test_another_rate_is_refused():
    with pytest.raises(BadData, match=r"16000 samples a second.*8000"):
        features.transform(SMALL, sound(), hertz=16000)
    features.transform(SMALL, sound(), hertz=8000)


def test_samples_that_are_no_integers_are_refused():
    x = sound().astype(np.float32)
    with pytest.raises(BadData, match="multiply"):
        features.transform(SMALL, x / 32768)
    x[4, 7] = np.nan
    with pytest.raises(BadData, match="row 4"):
        features.transform(SMALL, x)
    with pytest.raises(BadData, match="40000"):
        features.transform(SMALL, np.full((1, 400), 40000))
    with pytest.raises(BadData, match="bool"):
        features.transform(SMALL, np.ones((1, 400), bool))
    with pytest.raises(BadData, match="one channel"):
        features.transform(SMALL, np.ones((1, 400, 2), np.int16))


def test_integers_in_floats_are_samples_too():
    x = sound()
    np.testing.assert_array_equal(features.transform(SMALL, x.astype(np.float32)), features.transform(SMALL, x))


def test_silent_and_clipped_rows_are_named():
    x = sound()
    x[2] = 0
    with pytest.warns(PoorRecordings, match=r"1 of 6 rows are silent \(row 2\)"):
        features.transform(SMALL, x)
    x = sound()
    x[3:5, :4] = 32767
    with pytest.warns(PoorRecordings, match=r"2 of 6 rows are clipped \(rows 3, 4\), 1.00% of their samples"):
        features.transform(SMALL, x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 0}, "bands"),
        ({"frame": 4}, "frame"),
        ({"frame": 5000}, "frame"),
        ({"high": 9000.0}, "9000 Hz"),
        ({"low": 8000.0}, "8000"),
        ({"bands": 400}, "fewer bands"),
        ({"floor": 0.0}, "floor"),
    ],
)
def test_settings_that_no_filters_fit_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        LogMel(**settings)


def test_other_settings_that_are_refused():
    with pytest.raises(BadInput, match="7"):
        MFCC(SMALL, coefficients=7)
    with pytest.raises(BadInput, match="window"):
        Statistics(0, 1)
    with pytest.raises(UnknownName, match="deviation"):
        Statistics(5, 1, ("deviatoin",))
    with pytest.raises(BadInput, match="deviation"):
        Normalise(SMALL, (0.0,), (0.0,))
    with pytest.raises(BadInput, match="6 features"):
        Normalise(SMALL, (0.0,), (1.0,)).shape((400,))


def test_raw_samples_of_a_model_are_integers_of_16_bits():
    graph = float_graph(SMALL, (400,))
    with pytest.raises(BadData, match="raw samples"):
        quantise(graph, sound() / 32768)
    with pytest.raises(BadData, match="raw samples"):
        quantise(graph, sound().astype(np.int64) * 2**15)


def test_every_featuriser_is_described_and_made_again():
    for featuriser in (
        LogMel(hop=160),
        MFCC(LogMel(bands=20), 10),
        Normalise(LogMel(bands=2), (0.5, 1.0), (2.0, 3.0)),
        Statistics(window=8, stride=4, which=("mean", "range")),
    ):
        described = features.describe(featuriser)
        assert features.from_description(json.loads(json.dumps(described))) == featuriser
    assert features.from_description("log-mel") == LogMel()


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (3, "describes no featuriser"),
        ("logmel", "Did you mean 'log-mel'"),
        ({"hop": 160}, "its name with settings"),
        ({"name": "log-mel", "hopp": 160}, "setting of log-mel named 'hopp'"),
        ({"name": "log-mel", "hop": "long"}, "cannot be made"),
        ({"name": "statistics"}, "cannot be made"),
    ],
)
def test_what_describes_no_featuriser_is_refused(described, message):
    with pytest.raises((BadInput, UnknownName), match=message):
        features.from_description(described)


def test_a_featuriser_of_ones_own_cannot_be_saved():
    @dataclass(frozen=True)
    class Own(LogMel):
        pass

    with pytest.raises(BadInput, match="cannot be saved"):
        features.describe(Own())
