"""An ESP-IDF component, with a project that runs the golden vectors on the real board."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

EXAMPLE = "examples/selftest"

MANIFEST = """\
version: "@version@"
description: "@sentence@"
license: "@license@"
dependencies:
  idf: ">=5.0"
"""

LISTS = """\
idf_component_register(
    SRCS @files@
    INCLUDE_DIRS "include"
)
"""

# The component is named after its folder, whatever that is called: main sees it because it requires all components.
EXAMPLE_LISTS = """\
# In this folder: idf.py set-target esp32c3 && idf.py flash monitor
cmake_minimum_required(VERSION 3.16)

set(EXTRA_COMPONENT_DIRS "${CMAKE_CURRENT_LIST_DIR}/../..")
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(@name@_selftest)
"""

EXAMPLE_MAIN_LISTS = """\
idf_component_register(SRCS "main.c")
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return the component with include/ and src/, and examples/selftest where there are golden vectors."""
    sources = _common.sources(program)
    manifest = _common.fill(
        MANIFEST,
        version=_common.VERSION,
        sentence=_common.sentence(program),
        license=_common.LICENSE,
    )
    component = {
        "idf_component.yml": manifest,
        "CMakeLists.txt": _common.fill(LISTS, files=" ".join(f'"{path}"' for path in sources if path.endswith(".c"))),
        **sources,
    }
    if not _common.tested(program):
        return component
    comment = "Runs the golden vectors on the board and prints PASS or FAIL."
    return {
        **component,
        f"{EXAMPLE}/CMakeLists.txt": _common.fill(EXAMPLE_LISTS, name=program.name),
        f"{EXAMPLE}/main/CMakeLists.txt": EXAMPLE_MAIN_LISTS,
        f"{EXAMPLE}/main/main.c": _common.selftest_main(program, comment, signature="void app_main(void)", result=None),
    }


ENTRY = Export(
    doc="An ESP-IDF component; its example runs the golden vectors on the board and prints PASS.", files=files
)
