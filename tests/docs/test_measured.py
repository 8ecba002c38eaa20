"""The measured tables of the documentation are those of the committed records."""

import re
from pathlib import Path

import pytest

from edgewright import bench, records

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- (?P<name>\w+) -->\n(?P<text>.*?)<!-- /(?P=name) -->", re.DOTALL)
FILES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BLOCK.search(path.read_text())]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_tables_are_those_of_the_records(path, request):
    def fresh(match):
        benchmark = bench.get(match["name"])
        made = bench.latest(records.read(bench.results_path(match["name"])))
        return f"<!-- {match['name']} -->\n{benchmark.table(made)}\n<!-- /{match['name']} -->"

    text = path.read_text()
    wanted = BLOCK.sub(fresh, text)
    if request.config.getoption("--update-golden"):
        path.write_text(wanted)
    else:
        assert text == wanted, "run pytest tests/docs/test_measured.py --update-golden and look at the difference"


def test_the_readme_shows_measurements():
    assert ROOT / "README.md" in FILES
