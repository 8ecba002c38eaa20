"""The page: self-contained, complete, reproducible, unimpressed by hostile names."""

import math
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from report_html import Page
from report_samples import BOARDS, MODELS, NO_SIMAVR, TOO_LARGE, record, records

from edgewright.errors import BadData, BadInput, CannotWrite, MissingTool
from edgewright.report import render_page, write_page
from edgewright.report.facts import Case

pytestmark = pytest.mark.slow

COSTS = "Flash, RAM, stack and time of every model on every board"
ACCURACIES = "Accuracy of the float model, of its integers and of the C on each board"
AGREEMENT = "Agreement of twin, host and board"
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "$\\bad{$ & 模型", "{{ 7 * 7 }}\x1b[31m\x00"]


@pytest.fixture(scope="module")
def page(sample_page):
    return Page(sample_page)


def with_numbers(made, **numbers):
    return replace(made, numbers={**made.numbers, **numbers})


def with_tables(made, **tables):
    return replace(made, tables={**made.tables, **tables})


def test_page_is_well_formed(page):
    assert page.problems == []
    assert page.open == []


def test_page_loads_nothing(page, sample_page):
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "base", "image"}
    loading = [
        (tag, name, value)
        for tag, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "srcset", "href", "action", "data", "poster") and not str(value).startswith("#")
    ]
    assert loading == []
    assert "://" not in sample_page
    assert "@import" not in sample_page
    assert set(re.findall(r"url\((.)", sample_page)) <= {"#"}


def test_every_pointer_has_its_target_and_identifiers_are_unique(page, sample_page):
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    pointers = set(re.findall(r'(?:href="#|url\(#)([^")]+)', sample_page))
    assert pointers
    assert pointers <= set(identifiers)


def test_plots_and_tables_say_what_they_are(page):
    plots = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(plots) == 3 + len(MODELS)
    for attributes in plots:
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"]) > 40
    assert all(attributes.get("scope") in ("col", "row", "rowgroup") for tag, attributes in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def test_cost_table_holds_the_numbers_of_every_record(page, sample_records):
    columns = {
        3: ("constant_bytes", "{:,}"),
        5: ("flash_bytes", "{:,}"),
        7: ("ram_bytes", "{:,}"),
        8: ("stack_bytes", "{:,}"),
        10: ("instructions_per_inference", "{:,.1f}"),
        11: ("instructions_largest", "{:,}"),
        12: ("cycles_per_inference", "{:,.1f}"),
        13: ("milliseconds", "{:,.3f}"),
    }
    rows = page.rows(COSTS)
    assert len(rows) == len(sample_records)
    for made in sample_records:
        for column, (key, form) in columns.items():
            known, text = made.numbers.get(key), rows[made.model, made.board][column]
            if known is None and key == "milliseconds" and "milliseconds_estimated" in made.numbers:
                assert text.startswith("~")
            elif known is None:
                assert re.fullmatch(r"– #\d+", text)
            else:
                assert text == (
                    f"{known:,.0f}" if key != "milliseconds" and known == int(known) else form.format(known)
                )


def test_flash_adds_up_and_its_share_is_of_the_board(page):
    row = page.rows(COSTS)["bonsai", "arduino-uno"]
    code, constants, helpers, flash = (int(text.replace(",", "")) for text in row[2:6])
    assert code + constants + helpers == flash
    assert row[6] == f"{flash / 32256 * 100:.1f} %"
    ram, stack = int(row[7]), int(row[8])
    assert row[9] == f"{(ram + stack) / 2048 * 100:.1f} %"
    assert row[14] == "yes"


def test_accuracies_vectors_and_engines_are_shown(page):
    row = page.rows(ACCURACIES)["bonsai", "digits test"]
    assert row[2:] == ["540", "94.81 %", "94.63 %", "+0.18", *["94.63 %"] * 4]
    agreement = {row[0]: row[1:] for row in page.tables[AGREEMENT][1:]}
    assert agreement["protonn"][0] == "verified | 0 of 564 differ: host, unicorn"
    assert agreement["protonn"][3] == "verified | 0 of 564 differ: host, simavr"
    assert agreement["fastgrnn"][3].startswith("not verified #1")
    assert agreement["ad_autoencoder"][1].startswith("does not fit #")


def test_an_accuracy_on_some_of_the_rows_says_on_how_many():
    whole, part = (record("bonsai", board) for board in ("microbit", "arduino-uno"))
    whole = with_numbers(whole, rows_on_board=540)
    part = with_numbers(part, rows_on_board=54, accuracy_board=0.5)
    row = Page(render_page([whole, part])).rows(ACCURACIES)["bonsai", "digits test"]
    assert row[-2:] == ["94.63 %", "50.00 % | 54 of 540 rows"]
    assert [Case("bonsai", one).accuracy for one in (whole, part)] == [0.9463, 0.9463]


def test_every_constant_block_and_count_is_shown(page):
    for model, made in MODELS.items():
        flash = {row[0]: row[1:] for row in page.tables[f"Bytes of flash of {model}"][1:]}
        assert {name: row[2] for name, row in flash.items() if name in made.constants} == {
            name: f"{size:,}" for name, size in made.constants.items()
        }
        blocks = {row[0]: row[1:] for row in page.tables[f"Memory map of {model}"][1:]}
        widths = {"int8": 1, "int16": 2, "int32": 4}
        assert blocks == {
            value: [dtype, *(f"{number:,}" for number in (offset * widths[dtype], size * widths[dtype], first, last))]
            for value, (dtype, offset, size, first, last) in made.memory.items()
        }
        counts = {row[0]: row for row in page.tables[f"Instructions by function of {model}"][1:]}
        assert set(counts) == set(made.functions)
    assert "168 bytes; no plan can do with less than 136: a gap of 32 bytes (23.5 %)." in page.text
    assert page.tables["Integers against real numbers in bonsai"][1] == [
        "normalised",
        "int8",
        "2^-5",
        "31.2",
        "0.00 %",
        "0.0313",
    ]


def test_every_byte_and_instruction_of_a_layer_is_shown(page, sample_records):
    for model, made in MODELS.items():
        table = page.tables[f"Flash and instructions of {model} by layer"]
        board = 2 + 2 * [cell.split(" | ")[0] for cell in table[0]][2::2].index("stm32f405")
        column = {row[0].split(" | ")[0]: row[board].replace(",", "") for row in table[1:]}
        assert [row[0] for row in table[1 : 1 + len(made.memory)]] == [f"{value} | dense" for value in made.memory]
        (numbers,) = (one.numbers for one in sample_records if (one.model, one.board) == (model, "stm32f405"))
        assert int(column.pop("all")) == numbers["flash_bytes"] == sum(map(int, column.values()))
        each, total = (table[row][board + 1] for row in (1, -1))
        share = 1 / len(made.memory)
        instructions = numbers["instructions_per_inference"]
        assert each == f"{round(instructions * share):,} | {share * 100:.1f} %"
        assert total == f"{round(instructions):,}"
    on_uno = [row[-1] for row in page.tables["Flash and instructions of bonsai by layer"][1:]]
    assert on_uno[0].startswith("– #")
    assert "The calls in the code do not tell the layers apart." in page.text


def test_a_layer_that_makes_no_sense_is_refused():
    broken = record("bonsai", "microbit")
    broken.tables["layers"]["z"]["constant_bytes"] = -1
    with pytest.raises(BadData, match="its layer 'z' is"):
        render_page([broken])


def test_an_estimated_time_is_marked(page):
    row = page.rows(COSTS)["bonsai", "stm32f405"]
    assert re.fullmatch(r"~0\.\d{3} #\d+", row[13])
    assert "Estimated from the instructions and their cycles, for memory that answers at once." in page.text


def test_a_proof_of_the_memory_is_said(page):
    assert "314 bytes, optimal: proven by milp; 304 are in use at once at the most." in page.text


def test_conditions_are_shown(page):
    builds = page.rows("Memory, engine, compiler and flags of each board")
    assert builds["arduino-uno", "32,256"][2:] == ["2,048", "simavr", "avr-gcc 7.3.0", "-mmcu=atmega328p -Os"]
    conditions = {row[0]: row[1] for row in page.tables["Conditions"][1:]}
    assert conditions["commit"] == "264a262d91c0 (with uncommitted changes)"
    assert conditions["unicorn"] == "2.1.4"
    assert conditions["bonsai"].endswith("; widest accumulator 23 bits; size_kb = 4")


def test_summary_counts(page):
    assert "5 models on 4 boards: 20 cases. 16 of them are verified: 9,024 vectors ran" in page.text
    assert "3 are too large for the board and 1 is not verified" in page.text
    assert "commit 264a262d91c0 with uncommitted changes" in page.text


def test_sections_come_in_order(sample_page):
    order = re.findall(r'<section id="([\w-]+)"', sample_page)
    assert order == [
        "verification",
        "accuracy",
        "costs",
        "needs",
        "layers",
        "functions",
        "memory",
        "flash",
        "left-out",
        "conditions",
    ]


def test_what_was_left_out_is_said_with_its_reason(page):
    assert f"fastgrnn on arduino-uno {NO_SIMAVR}" in page.text
    assert f"ad_autoencoder on microbit {TOO_LARGE.replace('arduino-uno', 'microbit')}" in page.text


def test_same_records_give_the_same_bytes(sample_page, tmp_path):
    assert render_page(records()) == sample_page
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import report_samples; from edgewright.report import write_page; "
    )
    code += "write_page(report_samples.records(), sys.argv[2])"
    command = [sys.executable, "-c", code, os.path.dirname(__file__), str(tmp_path / "page.html")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata"})
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == sample_page


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name):
    made = record("bonsai", "microbit")
    hostile = replace(
        made,
        model=name,
        board=name,
        engine=name,
        compiler=name,
        data=name,
        flags=(name,),
        graph_hash=name,
        commit=name,
        settings={name: name},
        versions={name: name, "edgewright": name},
        when=name,
        tables={
            "constant_bytes": {name: 12},
            "helper_bytes": {name: 4},
            "instructions_by_function": {name: 100.0, f"{name}_run": 50.0},
            "memory": {name: made.tables["memory"]["w_z"]},
            "mismatches_by_engine": {name: 0},
            "reasons": {name: name},
            "values": {name: {"dtype": name, "scale": name, "snr_db": None, "saturated_share": name}},
        },
    )
    source = render_page([hostile, replace(hostile, what=name)])
    page = Page(source)
    assert page.problems == []
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not any(attribute.startswith("on") for _, attributes in page.tags for attribute in attributes)
    assert "\x1b" not in source
    assert "\x00" not in source
    shown = " ".join("".join(letter if letter.isprintable() else "\ufffd" for letter in name).split())
    assert page.text.count(shown) > 10


def test_unknown_numbers_are_dashes_with_their_reason_and_never_zero():
    made = record("bonsai", "microbit")
    bare = replace(
        made, numbers=dict.fromkeys(made.numbers), tables={"reasons": {"unicorn": "No compiler: zig is gone."}}
    )
    page = Page(render_page([bare]))
    row = page.rows(COSTS)["bonsai", "microbit"]
    assert [text[:3] for text in row[2:]] == ["– #"] * 13
    assert page.rows(ACCURACIES)["bonsai", "digits test"][2:] == ["– #1"] * 5
    assert "No compiler: zig is gone." in page.text
    assert "No case has both an accuracy and a flash figure." in page.text
    assert "No engine counted instructions by function." in page.text
    assert "The records do not say what the boards have." in page.text


def test_absent_and_null_numbers_are_the_same():
    made = record("fastgrnn", "arduino-uno")
    absent = replace(made, numbers={key: number for key, number in made.numbers.items() if number is not None})
    assert render_page([absent]) == render_page([made])


def test_a_number_that_is_no_number_is_missing():
    page = Page(render_page([with_numbers(record("bonsai", "microbit"), stack_bytes=math.nan, flash_bytes="5000")]))
    row = page.rows(COSTS)["bonsai", "microbit"]
    assert row[5].startswith("–")
    assert row[8].startswith("–")


def test_mismatches_are_shown_and_not_called_verified():
    wrong = with_numbers(record("bonsai", "microbit"), mismatches=3, verified=0)
    wrong = with_tables(wrong, mismatches_by_engine={"host": 0, "unicorn": 3})
    page = Page(render_page([wrong]))
    assert page.tables[AGREEMENT][1][1] == "differs | 3 of 564 differ: host 0, unicorn 3"
    assert "1 case failed with 3 mismatches." in page.text
    assert "0 of 1 cases verified" in page.text


def test_a_model_that_needs_more_than_the_board_has_does_not_fit():
    large = with_numbers(record("bonsai", "microbit"), ram_bytes=16384, stack_bytes=100)
    page = Page(render_page([large]))
    assert page.rows(COSTS)["bonsai", "microbit"][14] == "no"
    assert "The model needs 100 bytes of RAM more than the board has." in page.text


def test_records_of_one_model_and_board_are_told_apart():
    first = record("bonsai", "microbit")
    pages = {
        "seed": [first, replace(first, seed=1)],
        "data": [first, replace(first, data="usps", seed=1)],
        "run": [first, first],
    }
    names = {kind: [row[0] for row in Page(render_page(given)).tables[AGREEMENT][1:]] for kind, given in pages.items()}
    assert names == {
        "seed": ["bonsai, seed 0", "bonsai, seed 1"],
        "data": ["bonsai, data digits", "bonsai, data usps"],
        "run": ["bonsai, run 1", "bonsai, run 2"],
    }


def test_cases_that_the_records_lack_and_other_records_are_named():
    given = [
        record("bonsai", "microbit"),
        record("protonn", "bluepill"),
        replace(record("bonsai", "microbit"), what="train"),
    ]
    page = Page(render_page(given))
    assert "bonsai on bluepill; protonn on microbit The records hold no such case." in page.text
    assert "1 record of the kind “train” This page shows records of the kind “deploy”." in page.text


def test_no_deploy_record_is_refused():
    with pytest.raises(BadInput, match='kind "deploy"; there are 1 records, of train'):
        render_page([replace(record("bonsai", "microbit"), what="train")])


@pytest.mark.parametrize(
    "tables",
    [
        {"memory": {"z": {"dtype": "int8", "offset": 0}}},
        {"memory": {"z": {"dtype": "no type", "offset": 0, "size": 1, "first": 0, "last": 1}}},
        {"constant_bytes": {"W": "many"}},
        {"instructions_by_function": {"f": -1}},
    ],
)
def test_damaged_tables_are_refused_by_name(tables):
    with pytest.raises(BadData, match="The record of bonsai on microbit is damaged"):
        render_page([with_tables(record("bonsai", "microbit"), **tables)])


@pytest.mark.slow
def test_every_model_of_a_crowded_plot_is_named():
    given = [record("protonn", "microbit", model=f"model_{number:02}") for number in range(30)]
    page = render_page(given)
    plot = page[page.index('<section id="accuracy"') : page.index('<section id="costs"')]
    named = re.findall(r"<text[^>]*>(model_\d\d)</text>", plot)
    assert sorted(named) == [made.model for made in given]


def test_without_matplotlib_the_fix_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingTool, match=r"pip install edgewright\[report\]"):
        render_page([record("bonsai", "microbit")])


def test_matplotlib_is_imported_by_drawing_only_and_left_as_it_was():
    code = "import sys, edgewright.report, edgewright.report.tables; assert not any(m.startswith('matplotlib') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    import matplotlib

    matplotlib.rcParams["font.size"] = 31
    try:
        bold = render_page([record("bonsai", "microbit")])
        assert matplotlib.rcParams["font.size"] == 31
    finally:
        matplotlib.rcdefaults()
    assert bold == render_page([record("bonsai", "microbit")])


def test_write_page_writes_a_file_or_says_why_not(tmp_path):
    made = [record("forest", "microbit")]
    write_page(made, tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == render_page(made)
    with pytest.raises(CannotWrite):
        write_page(made, tmp_path / "new" / "page.html" / "below.html")


def test_samples_cover_what_the_tests_claim(sample_records):
    assert len(sample_records) == len(MODELS) * len(BOARDS)
    assert sum("reasons" in made.tables for made in sample_records) == 4
