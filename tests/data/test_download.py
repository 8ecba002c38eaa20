"""Downloads: from a server of the test's own, whole or not at all, and never what was not published."""

import bz2
import gzip
import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from edgewright import data
from edgewright.data import _download, _local, mnist, usps
from edgewright.data._download import File, Source
from edgewright.errors import BadData

CONTENT = bytes(range(256)) * 1000
MOST = len(CONTENT)
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Answers by the first folder of the path: good, truncated, other, or nothing."""

    def do_GET(self):
        kind = self.path.split("/")[1]
        if kind == "nothing":
            self.send_error(404)
            return
        body = CONTENT[:-1] + b"!" if kind == "other" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if kind == "truncated" else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.fixture
def online(monkeypatch, tmp_path):
    """A machine without the datasets, whose cache is empty and which may download."""
    monkeypatch.delenv(_local.OFFLINE_VARIABLE, raising=False)
    monkeypatch.delenv(_local.VARIABLE, raising=False)
    monkeypatch.setenv(_local.CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def fetch(server, *kinds, most_bytes=MOST, checksum=SHA256):
    mirrors = tuple(f"{server}/{kind}/" for kind in kinds)
    return _download._fetch("letters", File("letters.bin", most_bytes, checksum), mirrors)


def test_a_file_comes_whole_and_says_so_on_standard_error(server, capsys):
    assert fetch(server, "good") == CONTENT
    captured = capsys.readouterr()
    assert captured.err == "Downloading letters: letters.bin\n"
    assert captured.out == ""


def test_a_terminal_sees_the_line_grow(server, capsys, monkeypatch):
    monkeypatch.setattr(_download.sys.stderr, "isatty", lambda: True)
    fetch(server, "good")
    assert "\rDownloading letters: letters.bin, 0.3 of 0.3 MB" in capsys.readouterr().err


def test_the_next_mirror_is_asked_where_one_fails(server):
    assert fetch(server, "nothing", "truncated", "other", "good") == CONTENT


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nothing", "404"),
        ("truncated", "ends after 1,000 of 256,000 bytes"),
        ("other", "its SHA256 is [0-9a-f]{64}, published is [0-9a-f]{64}"),
    ],
)
def test_what_is_wrong_is_said_with_the_address(server, kind, said):
    with pytest.raises(BadData, match=f"{kind}/letters.bin: .*{said}"):
        fetch(server, kind)


def test_more_bytes_than_were_published_are_refused(server):
    with pytest.raises(BadData, match="larger than 1,000 bytes"):
        fetch(server, "good", most_bytes=1000)


def test_a_file_may_lie_on_this_machine(tmp_path):
    (tmp_path / "letters.bin").write_bytes(CONTENT)
    assert fetch(tmp_path.as_uri(), ".") == CONTENT


def test_a_host_that_is_not_there_is_named():
    with pytest.raises(BadData, match=r"http://127\.0\.0\.1:9/good/letters\.bin: .*refused"):
        fetch("http://127.0.0.1:9", "good")


def small(monkeypatch, folder, **changes):
    """Make usps a set of three and two digits, in a folder that serves as its mirror."""
    monkeypatch.setattr(usps, "TRAIN", 3)
    monkeypatch.setattr(usps, "TEST", 2)
    generator = np.random.default_rng(0)
    arrays = {}
    for part, name, rows in (("train", "zip.train.gz", 3), ("test", "zip.test.gz", 2)):
        pixels = generator.integers(-1000, 1001, (rows, 256)) / 1000
        lines = [" ".join([f"{row:.4f}", *(f"{pixel:.4f}" for pixel in pixels[row])]) for row in range(rows)]
        (folder / name).write_bytes(gzip.compress("\n".join(lines).encode()))
        arrays[f"x_{part}"] = ((pixels.astype(np.float32) + 1) / 2).reshape(rows, 16, 16)
        arrays[f"y_{part}"] = np.arange(rows, dtype=np.uint8)
    files = (File("zip.train.gz", 10_000), File("zip.test.gz", 10_000))
    return arrays, Source((f"{folder.as_uri()}/",), files, usps.plain_tables)


def test_a_dataset_is_kept_once_it_was_downloaded(online, monkeypatch, tmp_path_factory):
    arrays, source = small(monkeypatch, tmp_path_factory.mktemp("mirror"))
    first = _local.load_images("usps", "", _local.digest(arrays), (source,))
    assert (online / "data" / "usps" / "usps.npz").is_file()
    second = _local.load_images("usps", "", _local.digest(arrays))  # with no source left
    assert np.array_equal(first.x_train, arrays["x_train"].reshape(3, 256))
    assert np.array_equal(first.x_train, second.x_train)
    assert np.array_equal(first.y_test, [0, 1])


def test_other_arrays_than_the_published_are_not_kept(online, monkeypatch, tmp_path_factory):
    _, source = small(monkeypatch, tmp_path_factory.mktemp("mirror"))
    with pytest.raises(BadData, match=r"usps is not on this machine.* are others: their SHA-256 is .* By hand: x"):
        _local.load_images("usps", "By hand: x", "0" * 64, (source,))
    assert not list(online.rglob("*.npz"))


def test_a_second_source_is_asked_where_the_first_is_damaged(online, monkeypatch, tmp_path_factory):
    good, bad = (tmp_path_factory.mktemp(name) for name in ("good", "bad"))
    arrays, source = small(monkeypatch, good)
    _, damaged = small(monkeypatch, bad)
    whole = (bad / "zip.train.gz").read_bytes()
    for wrong in (whole[: len(whole) // 2], b"no gzip", gzip.compress(b"1 2 3"), gzip.compress(b"a b c")):
        (bad / "zip.train.gz").write_bytes(wrong)
        with pytest.raises(BadData, match="cannot be read"):
            _local.load_images("usps", "", _local.digest(arrays), (damaged,))
    split = _local.load_images("usps", "", _local.digest(arrays), (damaged, source))
    assert len(split.x_train) == 3


def test_an_interrupted_download_leaves_nothing(online, monkeypatch, tmp_path_factory):
    arrays, source = small(monkeypatch, tmp_path_factory.mktemp("mirror"))

    def interrupted(self, got, expected):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_download._Line, "show", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _local.load_images("usps", "", _local.digest(arrays), (source,))
    assert not list(online.iterdir())
    assert len(_local.load_images("usps", "", _local.digest(arrays), (source,)).x_train) == 3


def test_offline_nothing_is_asked_for(online, monkeypatch):
    monkeypatch.setenv(_local.OFFLINE_VARIABLE, "1")
    monkeypatch.setattr(_download.urllib.request, "urlopen", lambda *_, **__: pytest.fail("it asked"))
    for name in ("usps", "mnist"):
        with pytest.raises(BadData, match=f"{name} is not on this machine.*EDGEWRIGHT_OFFLINE.*numpy.savez"):
            data.get(name).load()


def test_a_machine_without_a_network_says_what_to_do(online, monkeypatch):
    def unreachable(address, timeout):
        raise OSError("Name or service not known")

    monkeypatch.setattr(_download.urllib.request, "urlopen", unreachable)
    with pytest.raises(BadData) as caught:
        data.get("mnist").load()
    message = str(caught.value)
    for mirror in mnist.SOURCE.mirrors:
        assert f"{mirror}train-images-idx3-ubyte.gz: Name or service not known" in message
    assert "numpy.savez" in message


def test_what_unpacks_to_more_than_it_may_is_refused():
    bomb = gzip.compress(bytes(1_000_000))
    with pytest.raises(ValueError, match="unpacks to more than 1,000 bytes"):
        _download.unpacked(bomb, 1000)


def idx(array):
    kind = 0x0800 + array.ndim
    header = b"".join(number.to_bytes(4, "big") for number in (kind, *array.shape))
    return gzip.compress(header + array.tobytes(), compresslevel=1)


def idx_files(arrays):
    names = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1"}
    names |= {"x_test": "t10k-images-idx3", "y_test": "t10k-labels-idx1"}
    return {f"{name}-ubyte.gz": idx(arrays[key]) for key, name in names.items()}


def test_idx_files_are_read_and_those_of_other_sizes_refused(monkeypatch):
    monkeypatch.setattr(mnist, "TRAIN", 3)
    monkeypatch.setattr(mnist, "TEST", 2)
    generator = np.random.default_rng(0)
    wanted = {
        f"x_{part}": generator.integers(0, 256, (rows, 28, 28), np.uint8) for part, rows in (("train", 3), ("test", 2))
    }
    wanted |= {"y_train": np.arange(3, dtype=np.uint8), "y_test": np.arange(2, dtype=np.uint8)}
    found = mnist.arrays(idx_files(wanted))
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    for wrong in (wanted["x_train"][:2], wanted["x_train"][:, :27], wanted["y_train"]):
        with pytest.raises(ValueError, match="no idx file of 3 x 28 x 28 bytes"):
            mnist.arrays(idx_files(wanted | {"x_train": wrong}))
    with pytest.raises(ValueError, match="no idx file of 3 x 28 x 28 bytes"):
        mnist.arrays(idx_files(wanted) | {"train-images-idx3-ubyte.gz": gzip.compress(b"\0\0\x08\x03short")})


def test_pixels_out_of_place_are_refused(monkeypatch):
    monkeypatch.setattr(usps, "TRAIN", 1)
    monkeypatch.setattr(usps, "TEST", 1)
    right = "7 " + " ".join(f"{place}:-0.5" for place in range(1, 257))
    files = {name: bz2.compress(right.encode()) for name in ("usps.bz2", "usps.t.bz2")}
    found = usps.indexed_tables(files)
    assert found["y_train"].tolist() == [6]
    assert np.all(found["x_train"] == 0.25)
    wrong = bz2.compress(right.replace("256:", "255:").encode())
    with pytest.raises(ValueError, match="every pixel in its place"):
        usps.indexed_tables(files | {"usps.bz2": wrong})


def published(folder, name):
    with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file}


@pytest.mark.slow
def test_the_published_tables_give_the_published_digits(data_folder):
    arrays = published(data_folder("usps"), "usps")
    plain, indexed = {}, {}
    for part, first, second in (("train", "zip.train.gz", "usps.bz2"), ("test", "zip.test.gz", "usps.t.bz2")):
        pixels = np.round(arrays[f"x_{part}"].reshape(-1, 256).astype(np.float64) * 2 - 1, 3)
        table = io.StringIO()
        np.savetxt(table, np.column_stack([arrays[f"y_{part}"], pixels]), "%.4f")
        plain[first] = gzip.compress(table.getvalue().encode(), compresslevel=1)
        lines = [
            f"{label + 1} " + " ".join(f"{place}:{pixel:g}" for place, pixel in enumerate(row, 1))
            for label, row in zip(arrays[f"y_{part}"].astype(int), pixels, strict=True)
        ]
        indexed[second] = bz2.compress("\n".join(lines).encode(), compresslevel=1)
    assert _local.digest(usps.plain_tables(plain)) == usps.SHA256
    assert _local.digest(usps.indexed_tables(indexed)) == usps.SHA256


@pytest.mark.slow
def test_the_published_idx_files_give_the_published_digits(data_folder):
    arrays = published(data_folder("mnist"), "mnist")
    assert _local.digest(mnist.arrays(idx_files(arrays))) == mnist.SHA256
