"""What a built image holds: symbols, sizes, and whether the machine code keeps its promises."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from edgewright import boards
from edgewright.boards import Core, Cycles
from edgewright.engines import Image
from edgewright.engines._harness import model_sources

IMAGE_ELF = "image.elf"
MODEL_ELF = "model.elf"  # beside each image: the program linked alone, without start-up code and harness
LIBRARY_FUNCTIONS = ("memcpy", "memset")
_SOFT_FLOAT = re.compile(
    r"__aeabi_([fd](add|sub|rsub|mul|div|neg|cmp\w*|2\w+)|c[fd]r?cmp\w*|u?[il]2[fd]|h2f)|__\w*(sf|df|hf|tf)\w*|__fp_\w+"
)
_WRITABLE, _ALLOCATED, _EXECUTABLE = 1, 2, 4  # flags of ELF sections
_SETS = {"EM_ARM": "thumb", "EM_RISCV": "riscv"}  # instruction sets that are disassembled
_FLOATING = {
    "thumb": re.compile(r"v.*"),
    "riscv": re.compile(r"(c\.)?f(?!ence)[a-z]+(\.\w+)*"),
    "avr": re.compile(r"(?!)"),
}
_CONDITION = re.compile(r"(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?$")


@dataclass(frozen=True)
class Function:
    """A function of a linked ELF file. address: of its first byte, without the Thumb bit."""

    name: str
    address: int
    nbytes: int


@dataclass(frozen=True)
class Section:
    """A section that takes memory on the board. kind: "code" (with constants), "data" (flash and RAM), "zero" (RAM only)."""

    name: str
    address: int
    nbytes: int
    kind: str


def functions(path: Path) -> tuple[Function, ...]:
    """Return the functions of a linked ELF file by address; one that states no size reaches to the next symbol."""
    stated: dict[int, tuple[str, int]] = {}
    unstated: dict[int, str] = {}
    with path.open("rb") as file:
        elf = ELFFile(file)
        thumb = elf["e_machine"] == "EM_ARM"
        code = [section for section in _sections(elf) if section.kind == "code"]
        ends = {section.address: section.address + section.nbytes for section in code}
        borders = set(ends.values())
        for symbol in _symbols(elf):
            kind, section = symbol["st_info"]["type"], symbol["st_shndx"]
            if not symbol.name or symbol.name[0] == "$" or not isinstance(section, int):
                continue
            if not elf.get_section(section)["sh_flags"] & _EXECUTABLE:
                continue
            address = symbol["st_value"] & ~1 if thumb else symbol["st_value"]
            if not any(start <= address < end for start, end in ends.items()):
                continue  # a border of RAM that the linker gave to the last section it had
            if kind in ("STT_FUNC", "STT_OBJECT"):
                borders.add(address)
            if kind == "STT_FUNC":
                name, nbytes = stated.get(address, (symbol.name, 0))
                stated[address] = (
                    min((name, symbol.name), key=lambda name: (len(name), name)),
                    max(nbytes, symbol["st_size"]),
                )
            elif kind == "STT_NOTYPE" and not thumb and symbol["st_info"]["bind"] == "STB_GLOBAL":
                unstated[address] = symbol.name  # avr-gcc's runtime is written without types and sizes
    unstated = {address: name for address, name in unstated.items() if address not in borders}
    borders |= unstated.keys()
    found = []
    for address, (name, nbytes) in sorted({**stated, **{place: (name, 0) for place, name in unstated.items()}}.items()):
        following = min((border for border in borders if border > address), default=address)
        found.append(Function(name, address, nbytes or following - address))
    return tuple(function for function in found if function.nbytes)


def constants(path: Path) -> dict[str, int]:
    """Return symbol -> bytes of the objects of a linked ELF file that are in flash only."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        found = {}
        for symbol in _symbols(elf):
            section = symbol["st_shndx"]
            if symbol["st_info"]["type"] == "STT_OBJECT" and isinstance(section, int) and symbol["st_size"]:
                flags = elf.get_section(section)["sh_flags"]
                if flags & _ALLOCATED and not flags & _WRITABLE:
                    found[symbol.name] = symbol["st_size"]
    return found


def written_name(name: str) -> str:
    """Return the name that a function has in the C: gcc adds ".constprop.0" and the like to its own copies."""
    return name.split(".")[0]


def function_at(found: tuple[Function, ...], address: int) -> Function | None:
    """Return the function that holds an address, or None."""
    place = bisect.bisect_right(found, address, key=lambda function: function.address) - 1
    if place >= 0 and address < found[place].address + found[place].nbytes:
        return found[place]
    return None


def addresses(path: Path) -> dict[str, int]:
    """Return symbol -> value of an ELF file."""
    with path.open("rb") as file:
        return {symbol.name: symbol["st_value"] for symbol in _symbols(ELFFile(file)) if symbol.name}


def defined_symbols(path: Path) -> frozenset[str]:
    """Return the names that an ELF file or object defines."""
    with path.open("rb") as file:
        return frozenset(symbol.name for symbol in _symbols(ELFFile(file)) if symbol["st_shndx"] != "SHN_UNDEF")


def undefined_symbols(path: Path) -> frozenset[str]:
    """Return the names that an object needs from elsewhere."""
    with path.open("rb") as file:
        return frozenset(s.name for s in _symbols(ELFFile(file)) if s["st_shndx"] == "SHN_UNDEF" and s.name)


def sections(path: Path) -> tuple[Section, ...]:
    """Return the sections of an ELF file that take memory on the board."""
    with path.open("rb") as file:
        return tuple(_sections(ELFFile(file)))


def segments(path: Path) -> tuple[tuple[int, bytes], ...]:
    """Return (load address, content) of what is programmed into flash."""
    with path.open("rb") as file:
        return tuple(
            (segment["p_paddr"], segment.data())
            for segment in ELFFile(file).iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        )


def flash_and_ram(path: Path) -> tuple[int, int]:
    """Return the bytes of flash and of static RAM that a linked ELF file takes; initialised data takes both."""
    found = sections(path)
    flash = sum(section.nbytes for section in found if section.kind in ("code", "data"))
    return flash, sum(section.nbytes for section in found if section.kind in ("data", "zero"))


def section_sizes(image: Image) -> Mapping[str, int]:
    """Return section -> bytes of the program alone."""
    return {section.name: section.nbytes for section in sections(image.path.with_name(MODEL_ELF)) if section.nbytes}


def function_sizes(image: Image) -> Mapping[str, int]:
    """Return function -> bytes of the program alone, the compiler's helpers included."""
    return {function.name: function.nbytes for function in functions(image.path.with_name(MODEL_ELF))}


def needed_symbols(image: Image) -> frozenset[str]:
    """Return what the objects of a program need from elsewhere."""
    objects = [image.path.with_name(source).with_suffix(".o") for source in model_sources(image.program)]
    defined = frozenset[str]().union(*(defined_symbols(path) for path in objects))
    return frozenset[str]().union(*(undefined_symbols(path) for path in objects)) - defined


def problems(image: Image) -> list[str]:
    """Return every promise about generated code that an image breaks, empty where it keeps all.

    Undefined symbols are on the core's list; there is no floating point, neither instructions nor helpers; there is no
    instruction that the core lacks.
    """
    core = boards.get(image.board).cpu
    allowed = re.compile("|".join((*core.helpers, *LIBRARY_FUNCTIONS)))
    found = []
    for name in sorted(needed_symbols(image)):
        if _SOFT_FLOAT.fullmatch(name):
            found.append(f"{name} is floating-point arithmetic in software")
        elif not allowed.fullmatch(name):
            found.append(f"{name} is needed from elsewhere and is no integer helper of the compiler for {image.board}")
    return found + instruction_problems(image.path.with_name(MODEL_ELF), core)


def instruction_problems(path: Path, core: Core) -> list[str]:
    """Return the instructions of a linked ELF file that are floating-point or that the core lacks, one line a kind and function."""
    forbidden = re.compile("|".join(core.forbidden) or r"(?!)")
    places = functions(path)
    found: dict[str, None] = {}
    for address, mnemonic, _ in instructions(path):
        plain = mnemonic.split(".")[0]
        bare = {mnemonic, plain, _CONDITION.sub("", plain)}
        owner = function_at(places, address)
        where = f"in {owner.name}" if owner else f"at {address:#x}"
        if _FLOATING[core.instruction_set].fullmatch(mnemonic):
            found[f"{mnemonic} {where} is a floating-point instruction"] = None
        elif any(forbidden.fullmatch(name) for name in bare):
            found[f"{mnemonic} {where} is an instruction that the core lacks: {core.doc}"] = None
    return list(found)


def instruction_cycles(path: Path, cycles: Cycles) -> list[tuple[int, int]]:
    """Return (address, cycles by the table) of every instruction of a linked ELF file; what jumps take more is not in it."""
    table = [(re.compile(pattern), count) for pattern, count in cycles.of]
    found = []
    for address, mnemonic, operands in instructions(path):
        text = f"{mnemonic} {operands}"
        count = next((count for pattern, count in table if pattern.match(text)), 1)
        registers = text.partition("{")[2].count(",")
        found.append((address, count + registers * cycles.each_register))
    return found


def disassembler(instruction_set: str) -> Any:
    """Return capstone's disassembler for "thumb" or "riscv"."""
    import capstone

    if instruction_set == "thumb":
        return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)


def instructions(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (address, mnemonic, operands) of the code of an Arm or RISC-V ELF file; nothing for other processors.

    Constants between functions are told from code by the mapping symbols $t, $x and $d; where there are none all is code.
    """
    with path.open("rb") as file:
        elf = ELFFile(file)
        if elf["e_machine"] not in _SETS:
            return
        machine = disassembler(_SETS[elf["e_machine"]])
        marks = sorted((s["st_value"], s.name[:2]) for s in _symbols(elf) if s.name[:2] in ("$t", "$x", "$d"))
        for section in elf.iter_sections():
            if not section["sh_flags"] & _EXECUTABLE or section["sh_type"] != "SHT_PROGBITS":
                continue
            start, end, data = section["sh_addr"], section["sh_addr"] + section["sh_size"], section.data()
            inside = [mark for mark in marks if start <= mark[0] < end] or [(start, "$x")]
            for (begin, kind), (stop, _) in zip(inside, [*inside[1:], (end, "")], strict=True):
                if kind != "$d":
                    for address, _, mnemonic, operands in machine.disasm_lite(
                        data[begin - start : stop - start], begin
                    ):
                        yield address, mnemonic, operands


def _symbols(elf: Any) -> Iterator[Any]:
    table = elf.get_section_by_name(".symtab")
    if table is not None:
        yield from table.iter_symbols()


def _sections(elf: Any) -> list[Section]:
    found = []
    for section in elf.iter_sections():
        flags = section["sh_flags"]
        if flags & _ALLOCATED and section["sh_size"] and section.name != ".stack":
            kind = "zero" if section["sh_type"] == "SHT_NOBITS" else "data" if flags & _WRITABLE else "code"
            found.append(Section(section.name, section["sh_addr"], section["sh_size"], kind))
    return found
