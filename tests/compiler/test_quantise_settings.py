"""The settings of quantisation: what each changes, what it is good for, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from convolutional import images, small_network

from edgewright.compiler.pipeline import prepare, to_integers
from edgewright.compiler.settings import DEEP, IMAGES, TABLES_AND_SEQUENCES, Settings, default_settings, make_settings
from edgewright.compiler.widths import choosable
from edgewright.errors import BadData, BadGraph, BadInput, UnknownName
from edgewright.ir import Graph, Type, dequantise_array, quantise_array
from edgewright.ir.types import power_of_two
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import signal_to_noise

EIGHT = Settings("int8", "int8")


def snr_db(graph: Graph, settings: Settings | None, seed: int = 1) -> float:
    """Of the output on rows that calibration has not seen."""
    quantised, rows = to_integers(graph, images(40), settings), images(40, seed)
    ours = run_integer(quantised, quantise_array(rows, quantised.input_type))
    return signal_to_noise(run_float(graph, rows), dequantise_array(ours, quantised.output_type))


def activations(graph: Graph) -> list[Type]:
    return [graph.types[node.output] for node in graph.nodes]


def test_a_convolutional_network_is_for_images_and_others_are_not() -> None:
    assert default_settings(small_network()) == IMAGES
    assert to_integers(small_network(), images(20)).hash == to_integers(small_network(), images(20), IMAGES).hash
    assert default_settings(layers(2)) == TABLES_AND_SEQUENCES
    assert default_settings(layers(3)) == DEEP


def layers(hidden: int) -> Graph:
    builder = Builder("layers")
    x = builder.input("x", Type((4,)))
    for _ in range(hidden):
        w, bias = builder.constant("w", np.eye(4)), builder.constant("b", np.zeros(4))
        x = builder.node("relu", x=builder.node("dense", x=x, w=w, bias=bias))
    return builder.finish(x)


@pytest.mark.parametrize("scales", ["power-of-two", "any"])
@pytest.mark.parametrize("zero_points", [False, True])
def test_scales_and_zero_points_are_as_asked_for(scales: str, zero_points: bool) -> None:
    settings = replace(EIGHT, scales=scales, zero_points=zero_points)
    graph = to_integers(small_network(), images(30), settings)
    powers = [power_of_two(float(type.scales)) is not None for type in activations(graph)]
    assert all(powers) if scales == "power-of-two" else not any(powers)
    rectified = graph.types["first"]
    assert (rectified.zero_point, rectified.range) == ((-128, (-128, 127)) if zero_points else (0, (0, 127)))
    weights = [graph.types[node.inputs["w"]] for node in graph.nodes if "w" in node.inputs]
    assert all((type.dtype, type.zero_point, type.range) == ("int8", 0, (-127, 127)) for type in weights)
    assert snr_db(small_network(), settings) > 20


def test_finer_choices_are_better() -> None:
    network = small_network()
    plain = snr_db(network, EIGHT)
    assert snr_db(network, replace(EIGHT, scales="any")) > plain
    assert snr_db(network, replace(EIGHT, scales="any", zero_points=True)) > plain + 3
    assert snr_db(network, IMAGES) > plain + 1
    assert snr_db(network, replace(EIGHT, activation="int16")) > plain + 3


def test_a_relu_or_clip_behind_an_operator_that_saturates_costs_nothing() -> None:
    graph = to_integers(small_network(), images(20), EIGHT)
    assert [node.op for node in graph.nodes] == ["conv2d", "depthwise_conv2d", "conv2d", "add", "reshape", "dense"]
    scale = float(graph.types["second"].scales)
    assert graph.types["second"].range == (0, min(127, round(6.0 / scale)))  # a clip to 0..6


def test_a_relu_of_a_value_that_is_seen_elsewhere_stays() -> None:
    builder = Builder("seen")
    x = builder.input("x", Type((2,)))
    total = builder.node("add", "total", a=x, b=x)
    kept = builder.node("relu", "kept", x=total)
    graph = to_integers(builder.finish(builder.node("add", "y", a=kept, b=total)), np.array([[1.0, -1.5]]))
    assert [node.op for node in graph.nodes] == ["add", "rescale", "add"]
    assert dequantise_array(run_integer(graph, np.array([[1, -1]])), graph.output_type).shape == (1, 2)


def test_a_relu_that_lets_nothing_through_vanishes_too() -> None:
    builder = Builder("dead")
    w, bias = builder.constant("w", -np.eye(2)), builder.constant("b", [-1.0, -2.0])
    x = builder.input("x", Type((2,)))
    graph = builder.finish(builder.node("relu", x=builder.node("dense", x=x, w=w, bias=bias)))
    quantised = to_integers(graph, np.array([[0.5, 1.0]]), EIGHT)
    assert [node.op for node in quantised.nodes] == ["dense"]
    assert run_integer(quantised, np.array([[127, 127]], np.int8)).tolist() == [[0, 0]]


def outliers(seed: int) -> np.ndarray:
    """Rows within -1..1 but for one entry in two hundred thousand, which is 50."""
    rows = np.random.default_rng(seed).uniform(-1, 1, (50000, 4)) + 1e-6
    rows[7, 1] = 50.0
    return rows


@pytest.mark.parametrize("calibration", ["percentile", "mean-squared-error"])
@pytest.mark.parametrize("scales", ["power-of-two", "any"])
def test_calibration_by_histogram_leaves_outliers_out(calibration: str, scales: str) -> None:
    builder = Builder("double")
    x = builder.input("x", Type((4,)))
    graph = builder.finish(builder.node("add", "y", a=x, b=x))
    rows = outliers(0)

    def made(way: str) -> Type:
        return to_integers(graph, rows, Settings("int8", "int16", scales, calibration=way)).types["y"]

    def error(type: Type) -> float:
        return float(((dequantise_array(quantise_array(2 * rows, type), type) - 2 * rows) ** 2).sum())

    whole, cut = made("min-max"), made(calibration)
    assert float(whole.scales) >= 100 / 127
    if calibration == "percentile":
        assert 2 / 127 <= float(cut.scales) <= 2 / 64
    else:
        assert error(cut) < 0.6 * error(whole)
    assert made(calibration) == cut


def test_bias_correction_takes_the_mean_error_away() -> None:
    network, rows = small_network(), images(40)

    def mean_error(settings: Settings) -> float:
        quantised = to_integers(network, rows, settings)
        ours = run_integer(quantised, quantise_array(rows, quantised.input_type))
        difference = dequantise_array(ours, quantised.output_type) - run_float(network, rows)
        return float(np.abs(difference.mean(axis=0)).max())

    assert mean_error(replace(EIGHT, bias_correction=True)) < 0.5 * mean_error(EIGHT)


def test_bias_correction_leaves_what_cuts_itself_alone() -> None:
    builder = Builder("cutting")
    mild = builder.node("sigmoid", x=builder.input("x", Type((1,))))
    scores = builder.node("hard_sigmoid", x=mild)
    w = builder.constant("w", np.eye(1))
    graph = builder.finish(builder.node("dense", x=scores, w=w, bias=builder.constant("bias", np.zeros(1))))
    rows = np.random.default_rng(0).normal(1, 2, (60, 1))
    plain = to_integers(graph, rows, Settings(scales="any"))
    corrected = to_integers(graph, rows, Settings(scales="any", bias_correction=True))
    for name in (
        value for value, type in plain.types.items() if value.startswith("hard_sigmoid") and value in plain.constants
    ):
        assert np.array_equal(plain.constants[name], corrected.constants[name]), name


def test_equalising_keeps_the_meaning_and_saves_uneven_channels() -> None:
    network = small_network(spread=30.0)
    settings = replace(EIGHT, equalise=True)
    rows = images(30)
    level = prepare(network, rows, settings)
    assert np.allclose(run_float(level, rows), run_float(network, rows), rtol=1e-4, atol=1e-4)
    assert snr_db(network, settings) > snr_db(network, EIGHT) + 3


def test_auto_widens_what_helps_most_within_its_share() -> None:
    network = small_network()

    def wide(share: float) -> set[str]:
        graph = to_integers(network, images(20), replace(EIGHT, activation="auto", wide_share=share))
        return {node.output for node in graph.nodes if graph.types[node.output].dtype == "int16"}

    assert wide(0.0) == set()
    some = wide(0.1)
    assert "scores" in some
    assert sum(network.types[value].size for value in some) <= 0.1 * sum(type.size for type in activations(network))
    assert wide(1.0) > some
    assert snr_db(network, replace(EIGHT, activation="auto")) > snr_db(network, EIGHT)


def test_one_value_has_the_width_that_is_asked_for() -> None:
    network = layers(2)
    rows = np.random.default_rng(0).normal(size=(40, 4))
    names = choosable(network)
    assert set(names) == {node.output for node in network.nodes if node.op == "relu"}
    narrow = to_integers(network, rows, replace(TABLES_AND_SEQUENCES, widths={names[0]: "int8"}))
    assert [narrow.types[name].dtype for name in names] == ["int8", "int16"]
    wide = to_integers(network, rows, replace(EIGHT, activation="auto", wide_share=0.0, widths={names[1]: "int16"}))
    assert [wide.types[name].dtype for name in names] == ["int8", "int16"]


def test_a_width_within_a_scan_goes_by_its_path() -> None:
    body = layers(1)
    (inner,) = choosable(body)
    builder = Builder("steps")
    x = builder.input("rows", Type((5, 4)))
    last = builder.node("scan", "last", Type((4,)), attributes={"body": body, "output": "last"}, x=x)
    graph, rows = builder.finish(last), np.random.default_rng(0).normal(size=(20, 5, 4))
    assert choosable(graph) == (f"last/{inner}",)
    for width in ("int8", "int16"):
        made = to_integers(graph, rows, Settings(widths={f"last/{inner}": width}))
        assert made.output_type.dtype == width


def test_widths_and_storage_of_what_is_not_there_are_refused() -> None:
    network, rows = layers(1), np.random.default_rng(0).normal(size=(20, 4))
    (name,) = choosable(network)
    with pytest.raises(UnknownName, match=f"'{name}x'.*Did you mean '{name}'"):
        to_integers(network, rows, Settings(widths={f"{name}x": "int8"}))
    with pytest.raises(UnknownName, match=r"'v'.*Known: w\."):
        to_integers(network, rows, Settings(storage={"v": "dense"}))


def test_storage_changes_no_integers() -> None:
    network, rows = layers(2), np.random.default_rng(0).normal(size=(20, 4))
    stored = [
        to_integers(network, rows, Settings(storage=storage)) for storage in ({}, {"w": "dense"}, {"w": "sparse"})
    ]
    assert [[node.op for node in graph.nodes].count("sparse_dense") for graph in stored] == [2, 1, 2]
    x = quantise_array(rows, stored[0].input_type)
    assert all(np.array_equal(run_integer(graph, x), run_integer(stored[0], x)) for graph in stored)


def test_bytes_of_an_image_keep_their_integers() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3))
    type = to_integers(small_network(), pixels, EIGHT).input_type
    assert (type.dtype, type.scale, type.zero_point) == ("int8", 1.0, -128)


@pytest.mark.parametrize("settings", [EIGHT, IMAGES, replace(IMAGES, scales="any"), replace(IMAGES, activation="auto")])
@pytest.mark.parametrize("value", [0.0, 3.25])
def test_one_constant_row_is_enough(settings: Settings, value: float) -> None:
    rows = np.full((1, 8, 8, 3), value)
    graph = to_integers(small_network(), rows, settings)
    ours = dequantise_array(run_integer(graph, quantise_array(rows, graph.input_type)), graph.output_type)
    real = run_float(small_network(), rows)
    assert np.abs(ours - real).max() < 0.1 * np.abs(real).max()


def test_calibration_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BadData, match=r"\[n, 8, 8, 3\]"):
        to_integers(small_network(), np.zeros((5, 3, 8, 8)))
    with pytest.raises(BadData, match="NaN"):
        to_integers(small_network(), np.full((5, 8, 8, 3), np.nan))
    with pytest.raises(BadData, match=r"All 5 rows .* are the same; give rows as they differ in use"):
        to_integers(small_network(), np.full((5, 8, 8, 3), 3.25))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"activation": "int4"}, r"activation cannot be 'int4'.*int8 or int16 or auto"),
        ({"input": "auto"}, r"input cannot be 'auto'"),
        ({"scales": "powers"}, r"scales cannot be 'powers'.*power-of-two or any"),
        ({"calibration": "max"}, r"calibration cannot be 'max'.*min-max or percentile"),
        ({"zero_points": 1}, "zero_points cannot be 1; choose true or false"),
        ({"widths": {"z": "auto"}}, r"widths cannot be .*int8 or int16, as {\"z\": \"int8\"}"),
        ({"storage": "dense"}, r"storage cannot be 'dense'; give names with dense or sparse"),
        ({"wide_share": 1.5}, "wide_share cannot be 1.5.*0 to 1"),
        ({"wide_share": "half"}, "wide_share cannot be 'half'"),
    ],
)
def test_other_settings_are_refused(given: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Settings(**given)


def test_settings_by_name_change_the_default_of_the_model() -> None:
    assert make_settings({}, small_network()) is None
    assert make_settings({"scales": "any"}, small_network()) == replace(IMAGES, scales="any")
    with pytest.raises(UnknownName, match=r"'scale'.*scales"):
        make_settings({"scale": "any"}, small_network())


def test_operators_without_zero_points_say_what_to_do() -> None:
    builder = Builder("chosen")
    x = builder.input("x", Type((3,)))
    total = builder.node("add", a=x, b=x)
    w = builder.constant("w", np.eye(3))
    graph = builder.finish(builder.node("tree_path", x=total, w=w))
    with pytest.raises(BadGraph, match="zero_points=false"):
        to_integers(graph, np.array([[0.5, 1.0, -3.0]]), Settings("int8", "int8", zero_points=True))
