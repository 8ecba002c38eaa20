"""Catalogues: found by listing folders, and sound in themselves."""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from edgewright import boards, catalog, engines, ops
from edgewright.compiler import exports, library
from edgewright.errors import UnknownName

PACKAGES = ("ops", "boards", "boards.cores", "engines", "frontends", "compiler.exports")


def test_a_folder_is_listed_and_an_entry_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_catalogue"
    folder.mkdir()
    (folder / "__init__.py").write_text('NOT_ENTRIES = ("tools",)\n')
    for name in ("first_one", "_hidden", "tools"):
        (folder / f"{name}.py").write_text("ENTRY = 5\n")
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert catalog.names("some_catalogue") == ("broken", "first_one")
    assert catalog.get("some_catalogue", "first-one") == catalog.get("some_catalogue", "first_one") == 5
    for name in ("_hidden", "tools", "nothing"):
        with pytest.raises(UnknownName, match=r"first-one"):
            catalog.get("some_catalogue", name)
    with pytest.raises(UnknownName, match="Did you mean 'first-one'"):
        catalog.get("some_catalogue", "frist-one")


@pytest.mark.parametrize(
    ("package", "word"),
    [("ops", "operator"), ("boards", "board"), ("boards.cores", "core"), ("engines", "engine"), ("data", "dataset"),
     ("compiler.exports", "export"), ("estimators", "estimator"), ("compress", "compression method")],
)  # fmt: skip
def test_the_word_for_an_entry(package: str, word: str) -> None:
    assert catalog.kind(f"edgewright.{package}") == word


@pytest.mark.parametrize("package", PACKAGES)
def test_every_entry_loads_and_says_what_it_is(package: str) -> None:
    names = catalog.names(f"edgewright.{package}")
    assert names
    for name in names:
        entry = catalog.get(f"edgewright.{package}", name)
        assert re.fullmatch(r"\S.*\S", entry.doc, re.DOTALL), name
        assert name == name.lower()


def test_boards_name_engines_and_cores_that_exist() -> None:
    for name in boards.names():
        board = boards.get(name)
        assert board.engine in engines.names(), name
        assert board.second_opinion in (None, *engines.names()), name
        assert board.cpu.doc
        assert board.bootloader_bytes < board.flash_bytes
        assert board.ram_bytes > 0


def test_exports_are_listed_as_users_spell_them() -> None:
    assert {"c", "arduino"} <= set(exports.names())


FEATURES = {
    frozenset[str](),
    *(frozenset({feature}) for name in boards.names() for feature in boards.get(name).cpu.features),
}


def cases_of(op: str) -> list[ops.Case]:
    entry = ops.get(op)
    return list(entry.cases(np.random.default_rng(0))) if entry.cases else []


def test_every_kernel_function_serves_an_operator() -> None:
    folder = resources.files("edgewright.ops")
    wanted = {kernel.name for op in ops.names() for kernel in ops.get(op).kernels}
    for file in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".c")):
        text = folder.joinpath(file).read_text()
        declared = set(re.findall(r"^EW_KERNEL void (\w+)\(", text, re.MULTILINE))
        assert declared, f"{file} has no kernel, or none that the emitter would find"
        assert declared <= library.functions_of(file).keys(), file
        assert declared <= wanted, f"{file}: {declared - wanted} is never called"
        op, _, feature = file.removesuffix(".c").partition(".")
        assert op in ops.names()
        assert declared == {kernel.name for kernel in ops.get(op).kernels if (kernel.needs or "") == feature}, file


@pytest.mark.parametrize("op", ops.names())
def test_every_kernel_is_reached_by_a_case(op: str) -> None:
    reached = set()
    for case in cases_of(op):
        graph = ops.single_node_graph(op, case)
        if ops.get(op).kernels:
            reached |= {ops.kernel_of(graph, graph.nodes[0], features).name for features in FEATURES}
    assert reached == {kernel.name for kernel in ops.get(op).kernels}


def test_every_operator_has_cases_or_becomes_one_that_has() -> None:
    becoming = set()
    for op in ops.names():
        entry = ops.get(op)
        if cases_of(op):
            assert entry.integer or op in ("scan", "when"), op  # a loop and a branch of the emitter's
        elif op != "reshape":  # nothing at all
            assert entry.quantise, op
            assert not entry.kernels, op
            becoming.add(op)
    assert {"tanh", "sigmoid", "relu"} <= becoming


def test_listing_imports_no_entry() -> None:
    names = catalog.names("edgewright.data")
    assert "digits" in names
    assert "edgewright.data.usps" not in sys.modules or "usps" in names
