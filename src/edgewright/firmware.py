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
from edgewright.compiler.agreement import check_agreement
from edgewright.compiler.emit import emit
from edgewright.compiler.memory import Block, Plan, plan_memory
from edgewright.compiler.pipeline import prepared_and_integers
from edgewright.compiler.program import Program
from edgewright.compiler.settings import Settings, default_settings
from edgewright.compiler.stream import to_stream
from edgewright.deployed import WHOLE_SEQUENCE, Deployed, Ready
from edgewright.engines import Image, Run, pack_inputs, unpack_outputs, unpack_ready
from edgewright.engines._sizes import check_program
from edgewright.engines.layers import layers, layers_by_graph
from edgewright.errors import BadInput, BoardFault, DoesNotFit, MissingTool, UnknownName, UnsupportedModel
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.lowering import lower
from edgewright.runtime.classes import classes_of


@dataclass(frozen=True)
class Verification:
    """Whether twin, host and board agree.

    vectors: how many were run; of a stream, samples. mismatches: vectors whose outputs differ from the integer twin's, by engine; of a
    stream also its answers that differ from the twin of the whole sequence. skipped: engine -> why it did not run.
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
    """Outputs of an engine [n, *shape], of a stream its answers; the counts of its run; how many vectors differ from the twin."""

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

        Of a stream: its answers, in their order, to samples [n, *shape], or to recordings as long as a window that follow each
        other. engine: "host", or the name of another; the board's default one unless given. model: needed where there are several.
        """
        deployed = self._model(model)
        outputs, _ = self.run(deployed.integers(X), engine, deployed.name)
        return deployed.answers(outputs)

    def run(self, integers: Array, engine: str | None = None, model: str | None = None) -> tuple[Array, Run]:
        """Return integer outputs [n, *shape] for integer inputs, of a stream its answers, and the counts of the run."""
        ready, outputs, run = self._run(integers, engine, self._model(model))
        return outputs[ready], run

    def _run(self, integers: Array, engine: str | None, deployed: Deployed) -> tuple[Ready, Array, Run]:
        """Return for each input whether there is an answer, and the outputs, which mean something where there is."""
        default = engine in (None, boards.get(self.board).engine)
        image = self.image if default else self.build(engine)
        entry = next(entry for entry in self.program.entries if entry.name == deployed.name)
        run = engines.get(image.engine).run(image, deployed.name, pack_inputs(entry, [integers]))
        (outputs,) = unpack_outputs(entry, run.outputs)
        returned = unpack_ready(run.outputs) if entry.step else np.ones(len(integers), np.int64)
        if not np.isin(returned, (0, 1)).all():
            raise BoardFault(f"{entry.function} returned {int(returned.max())} on {image.engine}; it returns 0 or 1.")
        return returned == 1, outputs, run

    def verify(self, X: Array, model: str | None = None, extra_engines: Sequence[str] = ()) -> Verification:
        """Compare the integer twin with the host and the board on float rows and on corner vectors, bit for bit.

        Of a stream: on float samples or recordings, as `predict` takes them, and on streams of corners; and the twin with that of
        the whole sequence.
        """
        deployed = self._model(model)
        board = boards.get(self.board)
        trials = [*deployed.corner_trials(), deployed.bearable(deployed.integers(X), board)]
        mismatches, skipped = {}, {}
        for name in dict.fromkeys(("host", board.engine, *extra_engines)):
            try:
                mismatches[name] = sum(self.compare(trial, name, deployed.name).mismatches for trial in trials)
            except MissingTool as reason:
                skipped[name] = str(reason)
        if deployed.stream:
            mismatches[WHOLE_SEQUENCE] = sum(map(deployed.strays, trials))
        return Verification(deployed.name, self.board, sum(map(len, trials)), mismatches, skipped)

    def compare(self, integers: Array, engine: str | None = None, model: str | None = None) -> Comparison:
        """Run integer inputs [n, *shape] on an engine and compare every output with the integer twin's."""
        deployed = self._model(model)
        ready, outputs, run = self._run(integers, engine, deployed)
        due, twin = deployed.twin(integers)
        differ = ready != due
        places = np.flatnonzero(due)
        unlike = np.any((outputs[places] != twin).reshape(len(places), -1), axis=1)
        differ[places[unlike]] = True
        return Comparison(outputs[ready], run, int(differ.sum()))

    def plan(self, model: str | None = None) -> Plan:
        """Return where the values of a model live; of a stream, those of the graph that needs most."""
        return max(self.plans(model), key=lambda plan: plan.arena_bytes)

    def plans(self, model: str | None = None) -> tuple[Plan, ...]:
        """Return where the values of each graph of a model live; the graphs of a stream use the same memory, one after the other."""
        features = boards.get(self.board).cpu.features
        return tuple(
            plan_memory(graph, features, frozenset((*graph.inputs, *graph.outputs, *graph.state)))
            for graph in self._model(model).graphs
        )

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
    stream: bool | int = False,
) -> Firmware:
    """Return firmware for a board: lowered, quantised, compiled and, where the tools are there, built.

    model: a fitted estimator of ours, a scikit-learn model that we take, or a graph; or several by name. calibration: typical
    unlabelled rows [n, *shape], by name where there are several models; not needed for a graph that is quantised. settings: of
    quantisation; those for the kind of model unless given. stream: True for C that takes samples one at a time and answers once a
    sequence, or after how many samples it answers again; see `to_stream`.
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
        streamed = None if stream is False else to_stream(graph, None if stream is True else stream)
        models[key] = Deployed(key, prepared, graph, _classes(one, graph), chosen, agreement, streamed)
        golden[key] = models[key].golden(None if given is None else np.asarray(given))
    compiled = {key: deployed.compiled for key, deployed in models.items()}
    program = emit(compiled, name if len(models) > 1 else None, golden, boards.get(board).cpu.features)
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
                for node, facts in layers(model.compiled, entry).items()
            ),
            key=lambda found: found[2],
        )
        said.append(f"Most weights are those of {_named(model, node, several)}: {nbytes:,} bytes.")
    if "RAM" in over:
        model, node, alive = max(
            (
                (model, layer, [block for block in plan.blocks if block.first <= step <= block.last])
                for model in firmware.models.values()
                for plan, layers in zip(firmware.plans(model.name), layers_by_graph(model.compiled), strict=True)
                for step, layer in enumerate(layers)
            ),
            key=lambda found: _covered(found[2]),
        )
        largest = sorted(alive, key=lambda block: -_bytes_of(block))[:3]
        values = ", ".join(f"{block.value} {_bytes_of(block):,} bytes" for block in largest)
        said.append(f"Most memory is in use at {_named(model, node, several)}: {values}." if values else "")
        kept = sum(entry.step.state_bytes for entry in firmware.program.entries if entry.step)
        said.append(f"From sample to sample {kept:,} bytes are kept." if kept else "")
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
    (op,) = (layers[node].op for layers in layers_by_graph(model.compiled) if node in layers)
    return f"{node!r} ({op}{f' in {model.name}' if several else ''})"


def _would_fit(firmware: Firmware) -> str:
    """Say which other boards have clearly more than that, and what else helps."""
    constants = sum(sum(entry.constant_bytes.values()) for entry in firmware.program.entries)
    arena = sum(entry.arena_bytes + (entry.step.state_bytes if entry.step else 0) for entry in firmware.program.entries)
    fitting = [
        name
        for name in boards.names()
        if boards.get(name).flash_bytes > constants + 4096
        and boards.get(name).ram_bytes > 2 * arena + 512
        and name not in ("host", catalog.spelled(firmware.board))
    ]
    where = f"It would fit {', '.join(fitting)}. " if fitting else "No other board in the catalogue is large enough. "
    return f"{where}Else the model must become smaller; our own estimators train to a size_kb."
