"""The one call that joins training and deployment: a model goes in, firmware for a board comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import boards, catalog, engines, records
from edgewright.compiler import exports
from edgewright.compiler.agreement import Agreement, check_agreement
from edgewright.compiler.emit import Golden, emit
from edgewright.compiler.memory import Block, Plan, plan_memory
from edgewright.compiler.pipeline import prepared_and_integers
from edgewright.compiler.program import Program
from edgewright.compiler.settings import Settings, default_settings
from edgewright.engines import Image, Run, pack_inputs, unpack_outputs
from edgewright.engines._sizes import check_program
from edgewright.engines.layers import layers
from edgewright.errors import BadInput, DoesNotFit, MissingTool, UnknownName, UnsupportedModel
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.runtime.classes import classes_of
from edgewright.runtime.integer import run_integer
from edgewright.runtime.walk import layout_hint

GOLDEN_VECTORS = 8
CORNER_VECTORS = 24
MOST_VECTORS_ON_AVR = 1000  # a cycle-exact simulator is slow


@dataclass(frozen=True)
class Deployed:
    """One model of a firmware: its float graph, its integers, and what its class indices mean.

    prepared: the float graph that was quantised, the same as `graph` for a model that came quantised. settings: of its quantisation,
    None for such a model. agreement: of integers and real numbers on calibration rows, None for such a model.
    """

    name: str
    prepared: Graph
    graph: Graph
    classes: Array | None
    settings: Settings | None = None
    agreement: Agreement | None = None

    def integers(self, X: Array) -> Array:
        """Return float rows [n, *shape] as the integers of the input; the one place where this happens."""
        X = np.asarray(X)
        shape = self.graph.input_type.shape
        if X.shape[1:] != shape or len(X) == 0:
            expected = ", ".join(map(str, shape))
            raise BadInput(
                f"The model {self.name!r} takes rows of shape [n, {expected}] with n of 1 or more, not {list(X.shape)}."
                f"{layout_hint(shape, X.shape[1:])}"
            )
        if not np.issubdtype(X.dtype, np.number) or not np.all(np.isfinite(X)):
            raise BadInput(f"The rows for {self.name!r} hold NaN, infinity or something that is not a number.")
        return quantise_array(X, self.graph.input_type).astype(self.graph.input_type.dtype)

    def answers(self, outputs: Array) -> Array:
        """Return classes for integer outputs [n, ...] of a classifier, real values for another model."""
        if self.classes is not None:
            answers: Array = self.classes[outputs.reshape(len(outputs), -1).argmax(axis=1)]
            return answers
        return dequantise_array(outputs, self.graph.output_type)

    def corners(self, count: int = CORNER_VECTORS) -> Array:
        """Return integer inputs at the corners of the proven range: all lowest, all highest, zero, and seeded mixtures."""
        type = self.graph.input_type
        low, high = type.range
        generator = np.random.default_rng(0)
        mixtures = generator.choice([low, high], size=(count, *type.shape))
        for row, value in enumerate(
            (low, high, min(max(0, low), high), min(max(1, low), high), min(max(-1, low), high))
        ):
            mixtures[row] = value
        return mixtures.astype(type.dtype)


@dataclass(frozen=True)
class Verification:
    """Whether twin, host and board agree.

    mismatches: vectors whose outputs differ from the integer twin's, by engine. skipped: engine -> why it did not run.
    """

    model: str
    board: str
    vectors: int
    mismatches: Mapping[str, int]
    skipped: Mapping[str, str]

    @property
    def verified(self) -> bool | None:
        """True where the board's engine and the host agree with the twin, None where the board's engine did not run."""
        if any(self.mismatches.values()):
            return False
        return True if boards.get(self.board).engine in self.mismatches else None


@dataclass(frozen=True)
class Comparison:
    """Outputs of an engine [n, *shape], the counts of its run, and how many vectors differ from the integer twin."""

    outputs: Array
    run: Run
    mismatches: int


@dataclass(frozen=True)
class Firmware:
    """One model or several, compiled for a board.

    models: by name. program: the C.
    """

    board: str
    models: Mapping[str, Deployed]
    program: Program

    @cached_property
    def image(self) -> Image:
        """The image for the board's default engine. Raises MissingTool, DoesNotFit."""
        return self.build()

    def build(self, engine: str | None = None) -> Image:
        """Return the image for an engine, the board's default one unless named. Raises MissingTool, DoesNotFit."""
        board = boards.get(self.board)
        name = engine or board.engine
        chosen = engines.get(name)
        target = "host" if name == "host" else self.board
        reason = chosen.why_not(boards.get(target))
        if reason:
            raise MissingTool(reason)
        return chosen.build(self.program, target)

    def predict(self, X: Array, engine: str | None = None, model: str | None = None) -> Array:
        """Return what the C answers for float rows [n, *shape]: classes of a classifier, else real outputs.

        engine: "host", or the name of another; the board's default one unless given. model: needed where there are several.
        """
        deployed = self._model(model)
        outputs, _ = self.run(deployed.integers(X), engine, deployed.name)
        return deployed.answers(outputs)

    def run(self, integers: Array, engine: str | None = None, model: str | None = None) -> tuple[Array, Run]:
        """Return integer outputs [n, *shape] for integer inputs, and the counts of the run."""
        deployed = self._model(model)
        default = engine in (None, boards.get(self.board).engine)
        image = self.image if default else self.build(engine)
        entry = next(entry for entry in self.program.entries if entry.name == deployed.name)
        run = engines.get(image.engine).run(image, deployed.name, pack_inputs(entry, [integers]))
        (outputs,) = unpack_outputs(entry, run.outputs)
        return outputs, run

    def verify(self, X: Array, model: str | None = None, extra_engines: Sequence[str] = ()) -> Verification:
        """Compare the integer twin with the host and the board on float rows and on corner vectors, bit for bit."""
        deployed = self._model(model)
        inputs = np.concatenate([deployed.corners(), deployed.integers(X)])[: self.most_vectors]
        mismatches, skipped = {}, {}
        for name in dict.fromkeys(("host", boards.get(self.board).engine, *extra_engines)):
            try:
                mismatches[name] = self.compare(inputs, name, deployed.name).mismatches
            except MissingTool as reason:
                skipped[name] = str(reason)
        return Verification(deployed.name, self.board, len(inputs), mismatches, skipped)

    def compare(self, integers: Array, engine: str | None = None, model: str | None = None) -> Comparison:
        """Run integer inputs [n, *shape] on an engine and compare every output with the integer twin's."""
        deployed = self._model(model)
        outputs, run = self.run(integers, engine, deployed.name)
        differ = np.any((outputs != run_integer(deployed.graph, integers)).reshape(len(integers), -1), axis=1)
        return Comparison(outputs, run, int(differ.sum()))

    def plan(self, model: str | None = None) -> Plan:
        """Return where the values of a model live."""
        return plan_memory(self._model(model).graph, boards.get(self.board).cpu.features)

    @property
    def most_vectors(self) -> int | None:
        """How many vectors the board's engine can bear in one check, None for any number."""
        return MOST_VECTORS_ON_AVR if boards.get(self.board).core == "avr" else None

    def report(
        self, X: Array | None = None, y: Array | None = None, model: str | None = None, **fields: Any
    ) -> records.Record:
        """Return a record of what the model costs on the board, and how well it does there.

        X, y: rows to run and their classes; without them only sizes are known. fields: further fields of the record.
        """
        from edgewright.measure import measure

        return measure(self, self._model(model), X, y, fields)

    def export(self, kind: str, folder: Path | str, *, force: bool = False) -> Path:
        """Write a project of the sources: kind "c", "arduino", ... Raises OutputExists, CannotWrite, UnknownName."""
        return exports.write(kind, self.program, boards.get(self.board), Path(folder), force=force)

    def _model(self, name: str | None) -> Deployed:
        if name is None:
            if len(self.models) > 1:
                raise BadInput(f"This firmware holds several models; name one of {', '.join(self.models)}.")
            return next(iter(self.models.values()))
        if name not in self.models:
            raise UnknownName("model in this firmware", name, self.models)
        return self.models[name]


def deploy(
    model: Any,
    board: str,
    calibration: Any = None,
    *,
    name: str = "model",
    settings: Settings | None = None,
) -> Firmware:
    """Return firmware for a board: lowered, quantised, compiled and, where the tools are there, built.

    model: a fitted estimator of ours, a scikit-learn model that we take, or a graph; or several by name. calibration: typical
    unlabelled rows [n, *shape], by name where there are several models; not needed for a graph that is quantised. settings: of
    quantisation; those for the kind of model unless given.
    Warns with AccuracyLost where the integers answer otherwise than the real numbers on calibration rows.
    Raises UnknownName for a board, UnsupportedModel, BadInput, DoesNotFit with the bytes over.
    """
    several = model if isinstance(model, Mapping) else {name: model}
    rows = (
        calibration
        if isinstance(model, Mapping) and isinstance(calibration, Mapping)
        else dict.fromkeys(several, calibration)
    )
    boards.get(board)
    models, golden = {}, {}
    for key, one in several.items():
        given = rows.get(key)
        lowered = replace(lower(one), name=key)
        if len(lowered.inputs) != 1 or len(lowered.outputs) != 1:
            raise UnsupportedModel(
                f"The model {key!r} has {len(lowered.inputs)} inputs and {len(lowered.outputs)} outputs; a firmware takes one of each."
            )
        chosen = None if lowered.is_quantised else settings or default_settings(lowered)
        prepared, graph = prepared_and_integers(lowered, None if given is None else np.asarray(given), chosen)
        agreement = None if chosen is None else check_agreement(prepared, graph, np.asarray(given), chosen)
        deployed = Deployed(key, prepared, graph, _classes(one, graph), chosen, agreement)
        models[key] = deployed
        vectors = deployed.corners()[:GOLDEN_VECTORS]
        if given is not None:
            vectors = np.concatenate(
                [vectors[: GOLDEN_VECTORS // 2], deployed.integers(np.asarray(given)[: GOLDEN_VECTORS // 2])]
            )
        golden[key] = Golden(vectors, run_integer(graph, vectors))
    graphs = {key: deployed.graph for key, deployed in models.items()}
    program = emit(graphs, name if len(models) > 1 else None, golden, boards.get(board).cpu.features)
    firmware = Firmware(board, models, program)
    _check_fit(firmware)
    return firmware


def _classes(model: Any, graph: Graph) -> Array | None:
    """The classes as the estimator knows them; for a graph and for what finds outliers, those that its labels were written from."""
    if not graph.labels:
        return None
    return np.asarray(model.classes_) if hasattr(model, "classes_") else classes_of(graph.labels)


def _check_fit(firmware: Firmware) -> None:
    """Raise DoesNotFit where the model alone needs more than the board has, or where the built image does."""
    try:
        check_program(firmware.program, firmware.board)
        _ = firmware.image
    except MissingTool:
        return  # what cannot be built here cannot be checked further; verify says so
    except DoesNotFit as error:
        raise DoesNotFit(f"{error}\n{_largest(firmware, error.over)} {_would_fit(firmware)}", error.over) from error


def _largest(firmware: Firmware, over: Mapping[str, int]) -> str:
    """Say which layer has most of the weights, and at which layer the values alive take most of the memory."""
    several = len(firmware.models) > 1
    said = []
    if "flash" in over:
        model, node, nbytes = max(
            (
                (model, node, facts["constant_bytes"])
                for entry in firmware.program.entries
                for model in [firmware.models[entry.name]]
                for node, facts in layers(model.graph, entry).items()
            ),
            key=lambda found: found[2],
        )
        said.append(f"Most weights are those of {_named(model, node, several)}: {nbytes:,} bytes.")
    if "RAM" in over:
        model, node, alive = max(
            (
                (model, node.output, [block for block in plan.blocks if block.first <= step <= block.last])
                for model in firmware.models.values()
                for plan in [firmware.plan(model.name)]
                for step, node in enumerate(model.graph.nodes)
            ),
            key=lambda found: _covered(found[2]),
        )
        largest = sorted(alive, key=lambda block: -_bytes_of(block))[:3]
        values = ", ".join(f"{block.value} {_bytes_of(block):,} bytes" for block in largest)
        said.append(f"Most memory is in use at {_named(model, node, several)}: {values}." if values else "")
    return " ".join(filter(None, said))


def _bytes_of(block: Block) -> int:
    return block.size * np.dtype(block.dtype).itemsize


def _covered(blocks: Sequence[Block]) -> int:
    """Return how many bytes blocks take together; those that share memory count once."""
    covered, end = 0, ("", 0)
    for block in sorted(blocks, key=lambda block: (block.dtype, block.offset)):
        start = max(block.offset, end[1]) if block.dtype == end[0] else block.offset
        stop = max(start, block.offset + block.size)
        covered += (stop - start) * np.dtype(block.dtype).itemsize
        end = (block.dtype, stop)
    return covered


def _named(model: Deployed, node: str, several: bool) -> str:
    (op,) = (each.op for each in model.graph.nodes if each.output == node)
    return f"{node!r} ({op}{f' in {model.name}' if several else ''})"


def _would_fit(firmware: Firmware) -> str:
    """Say which other boards have clearly more than that, and what else helps."""
    constants = sum(sum(entry.constant_bytes.values()) for entry in firmware.program.entries)
    arena = sum(entry.arena_bytes for entry in firmware.program.entries)
    fitting = [
        name
        for name in boards.names()
        if boards.get(name).flash_bytes > constants + 4096
        and boards.get(name).ram_bytes > 2 * arena + 512
        and name not in ("host", catalog.spelled(firmware.board))
    ]
    where = f"It would fit {', '.join(fitting)}. " if fitting else "No other board in the catalogue is large enough. "
    return f"{where}Else the model must become smaller; our own estimators train to a size_kb."
