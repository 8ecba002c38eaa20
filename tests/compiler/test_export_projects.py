"""Exports for build systems: each builds as its system would build it, says PASS, and FAIL where a golden value is wrong."""

import json
import os
import re
import shlex
import sys

import pytest
from convolutional import images, small_network
from exported import ARDUINO_H, AVR_ARDUINO_H, STRICT, firmware, needs, run

from edgewright import boards, deploy
from edgewright.compiler import exports
from edgewright.compiler.emit import emit

pytestmark = pytest.mark.slow

NAMES = [("tiny",), ("tiny", "other")]
LONG = "a__b_" + "c" * 34 + "_"  # the longest name, with every trap for names of dashes

CONSUMER_LISTS = """\
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
{use}
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE edgewright::tiny)
"""

CONSUMER_MAIN = """\
#include <tiny.h>
#include <stdio.h>

int main(void) {
    const int16_t input[TINY_INPUT_SIZE] = {0};
    const char *labels[] = TINY_LABELS;
    printf("%s\\n", labels[tiny_predict(input)]);
    return 0;
}
"""

ZEPHYR_CONFIG = """\
project(Zephyr-Kernel C)
add_executable(app)
target_include_directories(app PRIVATE ${CMAKE_CURRENT_LIST_DIR})
file(STRINGS prj.conf settings)
foreach(setting ${settings})
  string(REPLACE "=" ";" setting ${setting})
  list(GET setting 0 option)
  list(GET setting 1 value)
  set(${option} ${value})
endforeach()
macro(zephyr_include_directories)
  include_directories(${ARGV})
  target_include_directories(app PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${ARGV0})
endmacro()
macro(zephyr_library)
  add_library(module STATIC)
  target_link_libraries(app PRIVATE module)
endmacro()
macro(zephyr_library_sources)
  target_sources(module PRIVATE ${ARGV})
endmacro()
macro(zephyr_library_sources_ifdef option)
  if(${option})
    target_sources(module PRIVATE ${ARGN})
  endif()
endmacro()
foreach(module ${ZEPHYR_EXTRA_MODULES})
  file(READ ${module}/zephyr/module.yml text)
  if(NOT text MATCHES "cmake: \\\\.\\n")
    message(FATAL_ERROR "the module has its CMakeLists.txt elsewhere")
  endif()
  add_subdirectory(${module} module)
endforeach()
"""

KERNEL_H = "#include <stdio.h>\n#define printk printf\n"

IDF_PROJECT = """\
function(idf_component_register)
  cmake_parse_arguments(component "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_library(component_${name} STATIC ${component_SRCS})
  target_include_directories(component_${name} PUBLIC ${component_INCLUDE_DIRS})
  set_property(GLOBAL APPEND PROPERTY components component_${name})
endfunction()
macro(project name)
  _project(${name} C)
  foreach(folder ${EXTRA_COMPONENT_DIRS} main)
    get_filename_component(folder ${folder} ABSOLUTE)
    get_filename_component(folder_name ${folder} NAME)
    add_subdirectory(${folder} component_${folder_name})
  endforeach()
  get_property(components GLOBAL PROPERTY components)
  list(REMOVE_ITEM components component_main)
  target_link_libraries(component_main PUBLIC ${components})
  file(WRITE ${CMAKE_BINARY_DIR}/start.c "void app_main(void); int main(void) { app_main(); return 0; }")
  add_executable(firmware ${CMAKE_BINARY_DIR}/start.c)
  target_link_libraries(firmware PRIVATE component_main)
endmacro()
"""


def build(source, folder, *flags, **environment):
    """Configure and build a CMake project; return what went wrong, if anything."""
    for command in (["-S", source, "-B", folder, *flags], ["--build", folder]):
        done = run("cmake", *command, folder=source, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warning" not in (done.stdout + done.stderr).lower()


def spoil(folder):
    """Change one golden output."""
    (file,) = folder.rglob("*_selftest.c")
    text = file.read_text()
    spoilt, count = re.subn(r"(golden_outputs\[\d+\] EW_FLASH = \{\s*)(\d+)", lambda m: f"{m[1]}{int(m[2]) ^ 1}", text)
    assert count
    file.write_text(spoilt)


def yaml(text):
    """Read YAML of mappings, sequences of texts and texts, two spaces a level; anything else is refused."""
    lines = [line for line in text.splitlines() if line.strip()]

    def scalar(word):
        if word.startswith('"'):
            return json.loads(word)
        assert not re.search(r"^[-&*!|>%@`{\[]|: | #", word), word
        return word

    def block(depth):
        items, pairs = [], {}
        while lines and len(lines[0]) - len(lines[0].lstrip(" ")) == depth:
            line = lines.pop(0)[depth:]
            assert "\t" not in line
            if line.startswith("- "):
                items.append(scalar(line[2:]))
                continue
            key, colon, value = line.partition(":")
            assert colon, line
            assert re.fullmatch(r"[\w.]+", key), key
            assert key not in pairs, key
            pairs[key] = scalar(value[1:]) if value else block(depth + 2)
        assert bool(items) != bool(pairs)
        return items or pairs

    result = block(0)
    assert not lines, lines[0]
    return result


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("names", NAMES)
def test_ctest_runs_the_golden_vectors(names, broken, tmp_path):
    needs("cmake")
    folder = firmware(names).export("cmake", tmp_path / "package")
    if broken:
        spoil(folder)
    build(folder, tmp_path / "build", "-DCMAKE_C_FLAGS=-Wall -Wextra -Wconversion -Wpedantic -Werror")
    tested = run("ctest", "--output-on-failure", folder=tmp_path / "build")
    assert (tested.returncode != 0) == broken, tested.stdout
    assert "tests passed" in tested.stdout
    (selftest,) = (path for path in (tmp_path / "build").glob("selftest_*") if os.access(path, os.X_OK))
    finished = run(selftest, folder=tmp_path)
    assert (finished.returncode, finished.stdout) == ((1, "FAIL\n") if broken else (0, "PASS\n"))


def test_kernels_for_the_dsp_extension_build_and_pass_on_a_computer(tmp_path):
    needs("cmake")
    deployed = deploy(small_network(), "nano33ble", images(20), name="small")
    assert "__ARM_FEATURE_DSP" in deployed.program.files["small.c"]
    folder = deployed.export("cmake", tmp_path / "package")
    build(folder, tmp_path / "build", "-DCMAKE_C_FLAGS=-Wall -Wextra -Wconversion -Wpedantic -Werror")
    assert run("ctest", folder=tmp_path / "build").returncode == 0


def test_an_installed_package_is_found_and_linked(tmp_path):
    needs("cmake")
    folder = firmware().export("cmake", tmp_path / "package")
    build(folder, tmp_path / "build")
    installed = run("cmake", "--install", tmp_path / "build", "--prefix", tmp_path / "installed", folder=tmp_path)
    assert installed.returncode == 0, installed.stderr
    assert [path.name for path in (tmp_path / "installed" / "include").rglob("*.h")] == ["tiny.h"]
    consumer(tmp_path, "find_package(edgewright_tiny 1.0 REQUIRED CONFIG)", f"-DCMAKE_PREFIX_PATH={tmp_path}/installed")


def test_a_package_is_a_subfolder_without_its_test(tmp_path):
    needs("cmake")
    firmware().export("cmake", tmp_path / "consumer" / "package")
    consumer(tmp_path, "add_subdirectory(package)")
    assert not list((tmp_path / "built").rglob("*selftest*"))


def test_a_package_without_golden_vectors_builds(tmp_path):
    needs("cmake")
    graphs = {name: deployed.graph for name, deployed in firmware().models.items()}
    folder = exports.write("cmake", emit(graphs), boards.get("host"), tmp_path / "consumer" / "package")
    assert not (folder / "test").exists()
    build(folder, tmp_path / "build")
    consumer(tmp_path, "add_subdirectory(package)")


def consumer(folder, use, *flags):
    source = folder / "consumer"
    source.mkdir(exist_ok=True)
    (source / "CMakeLists.txt").write_text(CONSUMER_LISTS.format(use=use))
    (source / "main.c").write_text(CONSUMER_MAIN)
    build(source, folder / "built", *flags)
    assert run(folder / "built" / "consumer", folder=folder).stdout in ("a\n", "b\n", "c\n")


@pytest.mark.parametrize("names", [*NAMES, (LONG,)])
def test_library_json_keeps_to_its_schema(names, tmp_path):
    folder = firmware(names).export("platformio", tmp_path / "library")
    manifest = json.loads((folder / "library.json").read_text())
    lengths = {"name": 50, "version": 20, "description": 255, "license": 255, "headers": 255}
    for field, longest in lengths.items():
        assert isinstance(manifest[field], str), field
        assert 0 < len(manifest[field]) <= longest, field
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", manifest["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word) for word in manifest["keywords"])
    assert all(0 < len(author["name"]) <= 50 for author in manifest["authors"])
    assert (manifest["frameworks"], manifest["platforms"]) == ("*", "*")
    assert (folder / manifest["build"]["includeDir"] / manifest["headers"]).is_file()
    assert list((folder / manifest["build"]["srcDir"]).glob("*.c"))
    (example,) = manifest["examples"]
    assert re.fullmatch(r"[a-zA-Z0-9_/-]+", example["name"])
    assert {str(path.relative_to(folder / example["base"])) for path in (folder / example["base"]).rglob("*.*")} == set(
        example["files"]
    )
    assert f"lib_deps = {manifest['name']}=symlink://../.." in (folder / example["base"] / "platformio.ini").read_text()


def platformio_flags(folder):
    manifest = json.loads((folder / "library.json").read_text())
    return shlex.split(" ".join(manifest["build"]["flags"])), folder / manifest["build"]["includeDir"]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("arduino", [False, True])
def test_the_platformio_example_says_pass_or_fail(names, broken, arduino, tmp_path):
    needs("g++")
    folder = firmware(names).export("platformio", tmp_path / "library")
    if broken:
        spoil(folder)
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    flags, include = platformio_flags(folder)
    define = ("-DARDUINO=10800",) if arduino else ()
    example = folder / "examples" / "selftest" / "src"
    for source in (*(folder / "src").glob("*.c"), *example.glob("*.c")):
        built = run("gcc", *flags, "-Werror", *define, "-I", include, "-c", source, folder=tmp_path)
        assert built.returncode == 0, built.stderr
    inputs = (*example.glob("*.cpp"), *tmp_path.glob("*.o"))
    built = run("g++", *define, "-I", include, "-I", tmp_path, *inputs, "-o", "selftest", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    finished = run(tmp_path / "selftest", folder=tmp_path)
    assert ("FAIL" if broken else "PASS") in finished.stdout
    assert broken or "FAIL" not in finished.stdout
    if arduino:
        assert all(f"{name}: " in finished.stdout for name in names)


@pytest.mark.parametrize(
    ("compiler", "machine"), [("avr-gcc", "-mmcu=atmega328p"), ("arm-none-eabi-gcc", "-mcpu=cortex-m0")]
)
def test_the_platformio_library_compiles_for_boards(compiler, machine, tmp_path):
    needs(compiler)
    folder = firmware(("tiny", "other")).export("platformio", tmp_path / "library")
    flags, include = platformio_flags(folder)
    for source in (folder / "src").glob("*.c"):
        built = run(compiler, machine, "-Os", *flags, "-Werror", "-I", include, "-c", source, folder=tmp_path)
        assert built.returncode == 0, built.stderr
    if compiler == "avr-gcc":
        (tmp_path / "Arduino.h").write_text(AVR_ARDUINO_H)
        sketch = folder / "examples" / "selftest" / "src" / "sketch.cpp"
        flags = (machine, "-Os", "-DARDUINO=10800", "-I", include, "-I", tmp_path)
        built = run("avr-g++", *flags, sketch, *tmp_path.glob("*.o"), "-o", "firmware.elf", folder=tmp_path)
        assert built.returncode == 0, built.stderr


@pytest.mark.parametrize("names", [*NAMES, (LONG,)])
def test_the_zephyr_module_names_what_is_there(names, tmp_path):
    folder = firmware(names).export("zephyr", tmp_path / "module")
    name = "both" if len(names) > 1 else names[0]
    module = yaml((folder / "zephyr" / "module.yml").read_text())
    assert module == {
        "name": f"edgewright_{name}",
        "build": {"cmake": ".", "kconfig": "Kconfig"},
        "samples": ["samples"],
    }
    assert (folder / module["build"]["kconfig"]).is_file()
    sample = folder / "samples" / "selftest"
    declared = yaml((sample / "sample.yaml").read_text())
    ((scenario, test),) = declared["tests"].items()
    assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", scenario)
    assert test["harness"] == "console"
    assert re.search(test["harness_config"]["regex"][0], "PASS")
    assert not re.search(test["harness_config"]["regex"][0], "FAIL")
    options = kconfig((folder / "Kconfig").read_text())
    settings = dict(line.split("=") for line in (sample / "prj.conf").read_text().splitlines())
    assert {option.removeprefix("CONFIG_") for option in settings} - {"PRINTK"} == options
    assert set(settings.values()) == {"y"}
    named = set(re.findall(r"CONFIG_(\w+)", (folder / "CMakeLists.txt").read_text()))
    assert named == options


def kconfig(text):
    """Return the options of a Kconfig file whose entries are truth values; each depends on options before it."""
    options = set()
    for entry in re.split(r"^(?=config )", text, flags=re.MULTILINE)[1:]:
        found = re.fullmatch(
            r"config ([A-Z][A-Z0-9_]*)\n {4}bool \"[^\"\n]+\"\n(?: {4}depends on (\w+)\n)?"
            r" {4}help\n(?: {6}[^\n]{1,72}\n)+\n?",
            entry,
        )
        assert found, entry
        assert found[2] is None or found[2] in options
        options.add(found[1])
    assert options
    return options


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("names", NAMES)
def test_the_zephyr_sample_says_pass_or_fail(names, broken, tmp_path):
    needs("cmake")
    folder = firmware(names).export("zephyr", tmp_path / "module")
    if broken:
        spoil(folder)
    kernel = tmp_path / "kernel"
    (kernel / "zephyr").mkdir(parents=True)
    (kernel / "zephyr" / "kernel.h").write_text(KERNEL_H)
    (kernel / "ZephyrConfig.cmake").write_text(ZEPHYR_CONFIG)
    strict = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"
    build(folder / "samples" / "selftest", tmp_path / "build", strict, f"-DZephyr_DIR={kernel}")
    finished = run(tmp_path / "build" / "app", folder=tmp_path)
    assert (finished.returncode, finished.stdout) == (0, "FAIL\n" if broken else "PASS\n")


@pytest.mark.parametrize("names", [*NAMES, (LONG,)])
def test_the_esp_idf_component_registers_the_files_that_exist(names, tmp_path):
    folder = firmware(names).export("esp-idf", tmp_path / "component")
    manifest = yaml((folder / "idf_component.yml").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert set(manifest) == {"version", "description", "license", "dependencies"}
    assert set(manifest["dependencies"]) == {"idf"}
    for place in (folder, folder / "examples" / "selftest" / "main"):
        text = (place / "CMakeLists.txt").read_text()
        registered = re.search(r"SRCS ((?:\"[^\"]+\" ?)+)", text)[1]
        sources = (*place.glob("*.c"), *(place / "src").glob("*.c"))
        assert sorted(shlex.split(registered)) == sorted(str(path.relative_to(place)) for path in sources)
    assert 'INCLUDE_DIRS "include"' in (folder / "CMakeLists.txt").read_text()
    assert [path.name for path in (folder / "include").iterdir()] == [f"{'both' if len(names) > 1 else names[0]}.h"]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("names", NAMES)
def test_the_esp_idf_example_says_pass_or_fail(names, broken, tmp_path):
    needs("cmake")
    folder = firmware(names).export("esp-idf", tmp_path / "component")
    if broken:
        spoil(folder)
    tools = tmp_path / "idf" / "tools" / "cmake"
    tools.mkdir(parents=True)
    (tools / "project.cmake").write_text(IDF_PROJECT)
    strict = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"
    build(folder / "examples" / "selftest", tmp_path / "build", strict, IDF_PATH=str(tmp_path / "idf"))
    finished = run(tmp_path / "build" / "firmware", folder=tmp_path)
    assert finished.stdout == ("FAIL\n" if broken else "PASS\n")


def test_the_esp_idf_component_compiles_for_risc_v(tmp_path):
    pytest.importorskip("ziglang")
    folder = firmware(("tiny", "other")).export("esp-idf", tmp_path / "component")
    (tmp_path / "stdio.h").write_text("int printf(const char *format, ...);\n")
    target = ("-m", "ziglang", "cc", "-target", "riscv32-freestanding", "-Os")
    includes = ("-I", folder / "include", "-I", tmp_path)
    for source in folder.rglob("*.c"):
        built = run(sys.executable, *target, *STRICT, *includes, "-c", source, "-o", "x.o", folder=tmp_path)
        assert built.returncode == 0, built.stderr
        assert (tmp_path / "x.o").read_bytes()[:20] == b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x01\x00\xf3\x00"
