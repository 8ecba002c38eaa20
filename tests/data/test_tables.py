import io
import re
import zipfile

import numpy as np
import pytest

from edgewright.data import _csv, tables
from edgewright.data.tables import read_table, split_table
from edgewright.errors import BadData

GOOD = "a,b,label\n1,2.5,up\n3,-4,down\n5e-1, 6 ,up\n"


def write(folder, text, name="table.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def message(path, target="label"):
    with pytest.raises(BadData) as caught:
        read_table(path, target)
    return str(caught.value)


def test_a_csv_is_read(tmp_path):
    table = read_table(write(tmp_path, GOOD), "label")
    assert table.x.dtype == np.float32
    assert table.x.tolist() == [[1, 2.5], [3, -4], [0.5, 6]]
    assert table.y.tolist() == ["up", "down", "up"]
    assert table.feature_names == ("a", "b")
    assert table.label_names == ("down", "up")
    assert table.warnings == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (GOOD.replace(",", ";"), "t.csv"),
        (GOOD.replace(",", "\t"), "t.tsv"),
        ("\ufeff" + GOOD, "t.csv"),
        (GOOD.replace("\n", "\r\n"), "t.CSV"),
        (GOOD.replace("1,2.5", '"1","2.5"') + "\n\n", "t.csv"),
    ],
    ids=["semicolons", "tabs", "byte order mark", "carriage returns", "quotes and blank lines"],
)
def test_other_spellings_of_the_same_table(tmp_path, text, name):
    table = read_table(write(tmp_path, text, name), "label")
    assert table.x.tolist() == [[1, 2.5], [3, -4], [0.5, 6]]
    assert table.y.tolist() == ["up", "down", "up"]


@pytest.mark.parametrize(
    ("labels", "dtype", "names"),
    [
        (["10", "9", "10"], np.int64, ("9", "10")),
        (["1.5", "2", "2"], np.str_, ("1.5", "2")),
        (["007", "7", "7"], np.str_, ("007", "7")),
        (["99999999999999999999", "1", "1"], np.str_, ("1", "99999999999999999999")),
    ],
)
def test_labels_are_whole_numbers_only_where_nothing_is_lost(tmp_path, labels, dtype, names):
    table = read_table(write(tmp_path, "a,label\n" + "".join(f"1,{label}\n" for label in labels)), "label")
    assert table.y.dtype.type is dtype
    assert [str(label) for label in table.y] == labels
    assert table.label_names == names


def test_a_constant_feature_is_a_warning(tmp_path):
    table = read_table(write(tmp_path, "a,same,label\n1,7,x\n2,7,y\n3,7,x\n"), "label")
    assert len(table.warnings) == 1
    assert table.warnings[0].endswith("constant features carry no information: same.")


BAD_CSV = {
    "missing values": (
        "a,b,label\n1,,x\n2,3,y\n,NA,x\n4,nan,y\n",
        [
            "column 'a' has missing values: 1, the first in line 4.",
            "column 'b' has missing values: 3, the first in line 2.",
        ],
    ),
    "text column": (
        "a,colour,label\n1,red,x\n2,blue,y\n3,red,x\n",
        ["column 'colour' holds text, 'red' in line 2.", "Encode it as numbers"],
    ),
    "text and missing in one column": (
        "a,b,label\n1,,x\n2,red,y\n3,4,x\n",
        ["column 'b' holds text, 'red' in line 3.", "column 'b' has missing values: 1, the first in line 2."],
    ),
    "infinite": (
        "a,b,label\n1,2,x\n-inf,1e39,y\n3,4,x\n",
        [
            "column 'a' has infinite or too large values: 1, the first in line 3.",
            "column 'b' has infinite or too large values",
        ],
    ),
    "one class": ("a,label\n1,x\n2,x\n", ["holds one class only, x;"]),
    "one row": ("a,label\n1,x\n", ["holds one row;"]),
    "no rows": ("a,label\n", ["holds no rows;"]),
    "labels that are no classes": ("a,label\n1,x\n2,y\n3,z\n", ["every one of the 3 rows has a label of its own"]),
    "ragged": (
        "a,b,label\n1,2,x\n3,4,5,y\n6,y\n7,8,y\n",
        ["line 3 has 4 cells, the header has 3 (and 1 more such lines). Make all lines equally long."],
    ),
    "missing labels": (
        "a,label\n1,x\n2,\n3,y\n4,?\n",
        ["the target column 'label' is empty in 2 rows, the first in line 3."],
    ),
    "missing target column": (
        "a,labels\n1,x\n2,y\n",
        ["has no target column 'label'. Did you mean 'labels'? Columns: a, labels."],
    ),
    "no header": (
        "1,2\n3,4\n",
        ["the first line holds numbers (1, 2), not column names. Put a header line before it."],
    ),
    "nameless column": ("a,,label\n1,2,x\n", ["column 2 of the header has no name."]),
    "equal names": ("a,a,label\n1,2,x\n", ["column names are used twice: a."]),
    "one column": ("label\nx\ny\n", ["has one column only (label).", "commas, semicolons or tabs"]),
    "empty file": ("", ["is empty: a header"]),
    "latin-1": ("a,label\n1,caf\xe9\n2,x\n".encode("latin-1"), ["is not UTF-8 text", "Save it as CSV in UTF-8."]),
    "utf-16": (GOOD.encode("utf-16"), ["is not UTF-8 text"]),
    "open quote": ('a,label\n1,"x\n2,y\n', ["line 3:", "Check the quotes there"]),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_bad_csv_is_one_clear_message(tmp_path, case):
    text, fragments = BAD_CSV[case]
    path = write(tmp_path, text)
    found = message(path)
    assert found.startswith(str(path))
    for fragment in fragments:
        assert fragment in found


def test_all_bad_columns_are_named_at_once_but_not_hundreds(tmp_path):
    columns = 30
    header = ",".join(f"c{column}" for column in range(columns))
    path = write(tmp_path, f"{header},label\n" + "x," * columns + "u\n" + "1," * columns + "v\n")
    found = message(path)
    assert found.count("holds text") == tables.LISTED
    assert f"and {columns - tables.LISTED} more problems of this kind." in found


def test_a_csv_without_a_target_asks_for_one(tmp_path):
    assert "say which column holds the labels (target). Columns: a, b, label." in message(write(tmp_path, GOOD), None)


def test_too_many_rows_are_refused_with_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_BYTES", 40)
    path = write(tmp_path, "a,b,label\n" + "1,2,x\n3,4,y\n" * 20)
    found = message(path)
    assert "the limit is passed in line 7" in found
    assert "(10 numbers as float32)" in found


def test_reading_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_BYTES", 40)
    read = []
    original = _csv._read_rows

    def counting(path, numbered, width, position):
        return original(path, ((read.append(line), (line, cells))[1] for line, cells in numbered), width, position)

    monkeypatch.setattr(_csv, "_read_rows", counting)
    message(write(tmp_path, "a,b,label\n" + "1,2,x\n" * 500))
    assert len(read) == 6


def test_a_missing_file_suggests_the_nearest_name(tmp_path):
    write(tmp_path, GOOD, "gestures.csv")
    found = message(tmp_path / "gesture.csv")
    assert f"There is no file {tmp_path / 'gesture.csv'}. Did you mean {tmp_path / 'gestures.csv'}?" in found


@pytest.mark.parametrize("name", ["table.xlsx", "table"])
def test_other_kinds_of_files_are_refused(tmp_path, name):
    assert "its name must end in .csv, .tsv, .npz" in message(write(tmp_path, GOOD, name))


def save(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def test_an_npz_table_is_read(tmp_path):
    x = np.arange(12, dtype=np.float64).reshape(6, 2)
    table = read_table(save(tmp_path, X=x, y=np.array([0, 1, 2] * 2, np.uint8)))
    assert table.x.dtype == np.float32
    assert table.x.tolist() == x.tolist()
    assert table.y.dtype == np.int64
    assert table.feature_names == ("X0", "X1")
    assert table.label_names == ("0", "1", "2")


def test_an_npz_of_sequences_is_read(tmp_path):
    x = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    table = read_table(save(tmp_path, X=x, gesture=np.array(["a", "b", "a", "b"])), "gesture")
    assert table.x.shape == (4, 5, 3)
    assert table.label_names == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([b"ja", b"nein"] * 2), ("ja", "nein")),
        (np.array([1.0, 2.0] * 2), ("1", "2")),
        (np.array([True, False] * 2), ("0", "1")),
    ],
    ids=["bytes", "whole floats", "booleans"],
)
def test_labels_of_an_npz(tmp_path, labels, names):
    assert read_table(save(tmp_path, X=np.eye(4), y=labels)).label_names == names


def test_other_arrays_of_an_npz_are_mentioned(tmp_path):
    table = read_table(save(tmp_path, X=np.eye(4), y=np.array([0, 1, 0, 1]), X_test=np.eye(4)))
    assert any("other arrays are not used: X_test." in warning for warning in table.warnings)


class Boom:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


BAD_NPZ = {
    "pickles": (
        lambda: {"X": np.array([[Boom()]], object), "y": np.arange(1)},
        ["'X' holds pickled Python objects, which are refused"],
    ),
    "wrong keys": (lambda: {"x": np.eye(4), "labels": np.arange(4)}, ["lacks 'X' and 'y'; it holds labels, x."]),
    "one dimension": (lambda: {"X": np.arange(4.0), "y": np.arange(4)}, ["'X' has the shape (4,); [n, features] or"]),
    "labels of two dimensions": (lambda: {"X": np.eye(4), "y": np.eye(4)}, ["'y' has the shape (4, 4); [n] is needed"]),
    "unequal lengths": (lambda: {"X": np.eye(4), "y": np.arange(3)}, ["'X' has 4 rows, 'y' has 3."]),
    "no features": (lambda: {"X": np.zeros((4, 0)), "y": np.arange(4)}, ["'X' has the shape (4, 0): no features."]),
    "nan": (
        lambda: {"X": np.array([[1, 2], [3, np.nan]]), "y": [0, 1]},
        ["'X' has missing values (NaN): 1, the first at [1, 1]."],
    ),
    "inf": (
        lambda: {"X": np.array([[1, 2], [1e60, -np.inf]]), "y": [0, 1]},
        ["'X' has infinite or too large values: 2, the first at [1, 0]"],
    ),
    "text": (lambda: {"X": np.array([["a"]]), "y": [0]}, ["'X' is of dtype <U1; numbers are needed."]),
    "complex": (lambda: {"X": np.eye(2) * 1j, "y": [0, 1]}, ["'X' is of dtype complex128; numbers are needed."]),
    "fractions as labels": (
        lambda: {"X": np.eye(3), "y": [0, 1.5, 0]},
        ["'y'[1] is 1.5; labels are whole numbers or text."],
    ),
    "one class": (lambda: {"X": np.eye(3), "y": [1, 1, 1]}, ["holds one class only, 1;"]),
    "one row": (lambda: {"X": np.ones((1, 3)), "y": [1]}, ["holds one row;"]),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_a_bad_npz_is_one_clear_message(tmp_path, case):
    arrays, fragments = BAD_NPZ[case]
    path = save(tmp_path, **arrays())
    found = message(path, None)
    assert found.startswith(str(path))
    for fragment in fragments:
        assert fragment in found


def test_a_npz_is_measured_before_it_is_loaded(tmp_path, monkeypatch):
    path = save(tmp_path, X=np.zeros((100, 10)), y=np.arange(100) % 2)
    monkeypatch.setattr(tables, "LARGEST_BYTES", 4000)
    monkeypatch.setattr(np, "load", lambda *a, **k: pytest.fail("it was loaded"))
    assert "is too large: 'X' of shape (100, 10)" in message(path, None)


def npy(shape, data=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


@pytest.mark.parametrize("shape", [(2**40, 2**20), (1000, 10), (-1, 3)], ids=["huge", "more than stored", "negative"])
def test_a_header_that_lies_is_refused(tmp_path, shape):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", npy(shape, b"\0" * 64))
        archive.writestr("y.npy", npy((2,), b"\0" * 16))
    assert re.search("too large|claims the shape|not a sound NPZ", message(path, None))


def test_damaged_npz_files_never_escape_as_other_errors(tmp_path):
    path = save(tmp_path, X=np.eye(6), y=np.arange(6) % 2)
    sound = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        data = bytearray(sound)
        for position in generator.integers(0, len(data), 3):
            data[position] = generator.integers(256)
        path.write_bytes(
            bytes(data[: generator.integers(1, len(data) + 1)]) if generator.random() < 0.5 else bytes(data)
        )
        try:
            read_table(path)
        except BadData:
            refused += 1
    assert refused > 50


def test_a_table_is_split_with_all_classes_on_both_sides(tmp_path):
    rows = "".join(f"{value},{value % 3}\n" for value in range(20))
    split = split_table(read_table(write(tmp_path, "a,label\n" + rows), "label"))
    assert len(split.x_train) == 15
    assert len(split.x_test) == 5
    assert set(split.y_test) == set(split.y_train) == {0, 1, 2}
    assert sorted([*split.x_train[:, 0], *split.x_test[:, 0]]) == list(range(20))


def test_a_class_of_one_row_cannot_be_split(tmp_path):
    table = read_table(write(tmp_path, "a,label\n1,x\n2,x\n3,x\n4,rare\n"), "label")
    with pytest.raises(BadData, match=r"too few: rare \(1\)"):
        split_table(table)


def test_too_few_rows_for_the_classes_cannot_be_split(tmp_path):
    table = read_table(write(tmp_path, "a,label\n1,x\n2,x\n3,y\n"), "label")
    with pytest.raises(BadData, match=r"too few: y \(1\)"):
        split_table(table)
    rows = "".join(f"{value},{value % 2}\n" for value in range(4))
    split = split_table(read_table(write(tmp_path, "a,label\n" + rows), "label"))
    assert set(split.y_test) == set(split.y_train) == {0, 1}
