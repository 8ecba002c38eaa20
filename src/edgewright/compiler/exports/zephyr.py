"""A Zephyr module, switched on in Kconfig, with a sample that runs the golden vectors."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

SAMPLE = "samples/selftest"

MODULE = """\
name: edgewright_@name@
build:
  cmake: .
  kconfig: Kconfig
"""

MODULE_SAMPLES = """\
samples:
  - samples
"""

LISTS = """\
# @sentence@
if(CONFIG_EDGEWRIGHT_MODEL_@NAME@)
  zephyr_include_directories(include)
  zephyr_library()
  zephyr_library_sources(src/@name@.c)
@selftest@endif()
"""

LISTS_SELFTEST = """\
  zephyr_library_sources_ifdef(CONFIG_EDGEWRIGHT_SELFTEST_@NAME@ src/@name@_selftest.c)
"""

KCONFIG = """\
config EDGEWRIGHT_MODEL_@NAME@
    bool "Model @name@ made by Edgewright"
    help
      Integer inference in C99 without heap, float or library.
      Include @name@.h.
"""

KCONFIG_SELFTEST = """
config EDGEWRIGHT_SELFTEST_@NAME@
    bool "Golden vectors of the model @name@"
    depends on EDGEWRIGHT_MODEL_@NAME@
    help
      Vectors that are run on the board and held against the outputs
      that they should give.
"""

SAMPLE_LISTS = """\
cmake_minimum_required(VERSION 3.20)

list(APPEND ZEPHYR_EXTRA_MODULES ${CMAKE_CURRENT_SOURCE_DIR}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})
project(edgewright_@name@_selftest LANGUAGES C)

target_sources(app PRIVATE src/main.c)
"""

SAMPLE_CONFIGURATION = """\
CONFIG_PRINTK=y
CONFIG_EDGEWRIGHT_MODEL_@NAME@=y
CONFIG_EDGEWRIGHT_SELFTEST_@NAME@=y
"""

SAMPLE_TESTS = """\
sample:
  name: Self-test of @name@
  description: Runs the golden vectors of @name@ and prints PASS or FAIL.
tests:
  sample.edgewright.@name@.selftest:
    tags:
      - edgewright
    harness: console
    harness_config:
      type: one_line
      regex:
        - "^PASS"
    integration_platforms:
      - native_sim
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return the module, include/, src/, and samples/selftest where there are golden vectors."""
    words = {"name": program.name, "NAME": program.name.upper(), "sentence": _common.sentence(program)}
    with_tests = bool(_common.tested(program))
    selftest = _common.fill(LISTS_SELFTEST, **words) if with_tests else ""
    module = {
        "zephyr/module.yml": _common.fill(MODULE + MODULE_SAMPLES if with_tests else MODULE, **words),
        "CMakeLists.txt": _common.fill(LISTS, **words, selftest=selftest),
        "Kconfig": _common.fill(KCONFIG + KCONFIG_SELFTEST if with_tests else KCONFIG, **words),
        **_common.sources(program),
    }
    if not with_tests:
        return module
    main = _common.selftest_main(
        program,
        "Runs the golden vectors on the board and prints PASS or FAIL.",
        header="zephyr/kernel.h",
        show="printk",
        result="0",  # what Zephyr reserves main's result for
    )
    return {
        **module,
        f"{SAMPLE}/CMakeLists.txt": _common.fill(SAMPLE_LISTS, **words),
        f"{SAMPLE}/prj.conf": _common.fill(SAMPLE_CONFIGURATION, **words),
        f"{SAMPLE}/sample.yaml": _common.fill(SAMPLE_TESTS, **words),
        f"{SAMPLE}/src/main.c": main,
    }


ENTRY = Export(
    doc="A Zephyr module with its Kconfig options; its sample runs the golden vectors and prints PASS.", files=files
)
