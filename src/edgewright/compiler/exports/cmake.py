"""A CMake package: a static library that other projects link, installed or as a subfolder, and its self-test."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

LISTS = """\
# @sentence@
# As a subfolder: add_subdirectory(). Installed: find_package(edgewright_@name@). Either way link edgewright::@name@.
cmake_minimum_required(VERSION 3.16)
project(edgewright_@name@ VERSION @version@ LANGUAGES C)

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(edgewright_@name@ STATIC src/@name@.c)
add_library(edgewright::@name@ ALIAS edgewright_@name@)
set_target_properties(edgewright_@name@ PROPERTIES
    C_STANDARD 99
    C_STANDARD_REQUIRED ON
    C_EXTENSIONS OFF
    EXPORT_NAME @name@
)
target_include_directories(edgewright_@name@ PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/edgewright>
)
target_compile_options(edgewright_@name@ PRIVATE
    "$<$<C_COMPILER_ID:GNU,Clang,AppleClang>:-Wall;-Wextra>"
    "$<$<C_COMPILER_ID:MSVC>:/W4>"
)
@selftest@
install(TARGETS edgewright_@name@ EXPORT edgewright_@name@ ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/@name@.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/edgewright)
install(EXPORT edgewright_@name@
    NAMESPACE edgewright::
    FILE edgewright_@name@Config.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/edgewright_@name@
)
write_basic_package_version_file(edgewright_@name@ConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgewright_@name@ConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/edgewright_@name@
)
"""

SELFTEST = """
# On unless this is a part of another project or built for another machine.
if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
    set(selftest_default ON)
else()
    set(selftest_default OFF)
endif()
option(EDGEWRIGHT_SELFTEST_@NAME@ "Build the golden vectors of @name@ as a test of CTest" ${selftest_default})
if(EDGEWRIGHT_SELFTEST_@NAME@)
    enable_testing()
    add_executable(selftest_edgewright_@name@ test/main.c src/@name@_selftest.c)
    set_target_properties(selftest_edgewright_@name@ PROPERTIES
        C_STANDARD 99
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
    )
    target_link_libraries(selftest_edgewright_@name@ PRIVATE edgewright::@name@)
    add_test(NAME edgewright_@name@_selftest COMMAND selftest_edgewright_@name@)
endif()
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return CMakeLists.txt, include/, src/, and test/main.c where there are golden vectors."""
    name = program.name
    project = dict(_common.sources(program))
    selftest = ""
    if _common.tested(program):
        selftest = _common.fill(SELFTEST, name=name, NAME=name.upper())
        comment = "Runs the golden vectors on this machine and prints PASS or FAIL; CTest runs it."
        project["test/main.c"] = _common.selftest_main(program, comment)
    project["CMakeLists.txt"] = _common.fill(
        LISTS, name=name, sentence=_common.sentence(program), version=_common.VERSION, selftest=selftest
    )
    return project


ENTRY = Export(
    doc="A CMake package: link edgewright::NAME after add_subdirectory or find_package; CTest runs the golden vectors.",
    files=files,
)
