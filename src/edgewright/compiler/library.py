"""The C functions of the kernels, found in their files, with the element types filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from edgewright.errors import BadGraph
from edgewright.ir.types import Type
from edgewright.ops import Kernel
from edgewright.ops.forms import FORMS

CODES = {"int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16", "int32": "i32", "bool": "u8", "none": "none"}
C_TYPES = {dtype: f"{dtype}_t" for dtype in ("int8", "uint8", "int16", "uint16", "int32")} | {
    "bool": "uint8_t",
    "none": "uint8_t",
}

# A function or a struct begins at the start of a line and ends at the first brace that begins a line; a comment above belongs to it.
_COMMENT = r"(?:/\*(?:(?!\*/).)*\*/\n)?"
_DEFINITION = re.compile(
    rf"^(?P<text>{_COMMENT}(?:(?:EW_KERNEL|static inline) [\w ]+?[ *](?P<function>\w+)\(.*?^\}}"
    rf"|typedef struct \{{.*?^\}} (?P<type>\w+);)\n)",
    re.MULTILINE | re.DOTALL,
)

_REQUANTISE = re.compile(r"EW_REQUANTISE\(([^,()]+), ([^()]+)\)")


@cache
def functions_of(file: str) -> dict[str, str]:
    """Return name -> text of the functions and structs of a C file in the folder of the operators."""
    text = resources.files("edgewright.ops").joinpath(file).read_text()
    return {match["function"] or match["type"]: match["text"] for match in _DEFINITION.finditer(text)}


@cache
def prelude() -> str:
    """Return the macros that come before all functions."""
    text = resources.files("edgewright.ops").joinpath("arithmetic.h").read_text()
    return text[text.index("/* Constants live") : text.index("/* x >> shift")].strip()


@cache
def _headers() -> tuple[str, ...]:
    folder = resources.files("edgewright.ops")
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".h")))


def shared_functions() -> dict[str, str]:
    """Return name -> text of the functions of all headers in the folder of the operators."""
    return {name: text for file in _headers() for name, text in functions_of(file).items()}


def function_name(kernel: Kernel, letters: Mapping[str, str]) -> str:
    """Return the name of a kernel with its letters filled in: dense_X_Y_FORM -> dense_i8_i16_shift."""
    return _fill_name(kernel.name, letters)


def functions_for(op: str, kernel: Kernel, letters: Mapping[str, str]) -> dict[str, str]:
    """Return name -> text of a kernel and of what it calls and names, that first."""
    file = f"{op}.{kernel.needs}.c" if kernel.needs else f"{op}.c"
    known = shared_functions() | functions_of(file)
    if kernel.name not in known:
        raise BadGraph(f"ops/{file} holds no function {kernel.name}.")
    known = {name: _fill_form(text, letters) for name, text in known.items()}
    return {_fill_name(name, letters): _fill_text(known[name], letters) for name in _with_callees(kernel.name, known)}


def moving_function(name: str, type: Type) -> tuple[str, str]:
    """Return name and text of a function of move.h for the element type of a value: ew_copy_X -> ew_copy_i16."""
    dtypes = {"X": type.dtype}
    return _fill_name(name, dtypes), _fill_text(functions_of("move.h")[name], dtypes)


def _with_callees(name: str, known: Mapping[str, str]) -> list[str]:
    ordered: list[str] = []

    def visit(current: str) -> None:
        for callee in re.findall(r"\b\w+\b", known[current]):
            if callee in known and callee != current:
                visit(callee)
        if current not in ordered:
            ordered.append(current)

    visit(name)
    return ordered


def _fill_name(name: str, dtypes: Mapping[str, str]) -> str:
    return "_".join(CODES.get(word, word) for word in (dtypes.get(part, part) for part in name.split("_")))


def _fill_form(text: str, letters: Mapping[str, str]) -> str:
    """Return a function with the way to requantise written out."""
    if "FORM" not in letters:
        return text
    form = FORMS[letters["FORM"]]
    text = text.replace("EW_FORM_PARAMETERS", ", ".join(form.parameters.values()))
    text = text.replace("EW_FORM_ARGUMENTS", ", ".join(form.parameters))
    return _REQUANTISE.sub(lambda match: form.expression.format(sum=match[1], row=match[2]), text)


def _fill_text(text: str, dtypes: Mapping[str, str]) -> str:
    text = re.sub(r"\b([A-Z]+)_T\b", lambda match: C_TYPES[dtypes[match[1]]], text)
    text = re.sub(r"\bEW_READ_([A-Z]+)\b", lambda match: f"EW_READ_{CODES[dtypes[match[1]]].upper()}", text)
    names = re.compile(r"\b[a-z][a-z0-9_]*_[A-Z]\w*\b")
    return names.sub(lambda match: _fill_name(match[0], dtypes), text)
