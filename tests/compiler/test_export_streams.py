"""Exported streams compile as they are, and say PASS, or FAIL where the C is wrong."""

import numpy as np
import pytest
from exported import ARDUINO_H, STRICT, needs, run
from small_graphs import rows_for
from stream_graphs import sequence

from edgewright import deploy
from edgewright.compiler import exports


def firmware():
    graphs = {"taps": sequence("frames"), "sure": sequence("until")}
    return deploy(
        graphs, "host", {name: rows_for(graph, 8) for name, graph in graphs.items()}, name="both", stream=True
    )


def test_the_c_export_says_pass(tmp_path):
    needs("gcc")
    folder = firmware().export("c", tmp_path / "c")
    built = run("gcc", *STRICT, *sorted(path.name for path in folder.glob("*.c")), "-o", "selftest", folder=folder)
    assert built.returncode == 0, built.stderr
    finished = run(folder / "selftest", folder=folder)
    assert (finished.returncode, finished.stdout) == (0, "PASS\n")


@pytest.mark.parametrize("broken", [False, True])
def test_the_arduino_sketch_feeds_samples_and_says_pass_or_fail(broken, tmp_path):
    needs("g++")
    folder = firmware().export("arduino", tmp_path / "library")
    if broken:
        source = folder / "src" / "both.c"
        text = source.read_text()
        right = "state->filled0 = 1;"
        assert right in text
        source.write_text(text.replace(right, "state->filled0 = 0;"))
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    for source in (folder / "src").glob("*.c"):
        built = run("gcc", "-std=c99", "-O1", "-c", source, folder=tmp_path)
        assert built.returncode == 0, built.stderr
    sketch = folder / "examples" / "selftest" / "selftest.ino"
    flags = ("-include", tmp_path / "Arduino.h", "-I", folder / "src", "-x", "c++", sketch, "-x", "none")
    built = run("g++", *flags, *tmp_path.glob("*.o"), "-o", "sketch", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    said = run(tmp_path / "sketch", folder=tmp_path).stdout
    assert f"taps: {'FAIL' if broken else 'PASS'}, microseconds for the samples of one window: " in said
    assert "sure: PASS" in said


def test_every_export_writes_a_stream(tmp_path):
    made = firmware()
    for kind in exports.names():
        folder = made.export(kind, tmp_path / kind)
        headers = list(folder.rglob("both.h"))
        assert headers
        assert "int taps_step(taps_state *state" in headers[0].read_text()


def test_the_selftest_repeats_few_samples():
    """A stream of raw samples is long; what the self-test holds in flash is not."""
    made = firmware()
    (golden,) = [made.models["taps"].golden(rows_for(sequence("frames"), 8).astype(np.float64))]
    assert golden.samples == 16
    assert golden.inputs.nbytes <= 1024
