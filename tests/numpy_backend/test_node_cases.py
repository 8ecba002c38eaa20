"""Every node case of the ONNX project runs on NumPy with the output that it states, or is listed here with the reason."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from golden_files import check_golden

from edgewright.errors import EdgewrightError
from edgewright.numpy_backend.execute import full_name, operators, plan_model

TABLE = Path(__file__).parents[2] / "docs" / "operators.md"
AT_LEAST = 1_000

HALF = (
    "the case rounds to half precision after every step of the softmax, we round once, which differs by at most 0.004"
)

NOT_PASSED: Mapping[str, str] = dict.fromkeys(
    (
        "test_attention_3d_causal_bf16",
        "test_attention_4d_attn_mask_causal_bf16",
        "test_attention_4d_causal_bf16",
        "test_attention_4d_causal_fp16",
        "test_attention_4d_causal_padded_kv_bf16",
        "test_attention_4d_padded_kv_bf16",
    ),
    HALF,
)
"""An operator, or one case of it, and why it does not pass. One that passes all the same fails the test."""

NOT_PASSED_MODELS: Mapping[str, str] = {
    "test_gradient_of_add": "Gradient differentiates a model, which a backend of operators does not do",
    "test_gradient_of_add_and_mul": "Gradient differentiates a model, which a backend of operators does not do",
}
"""Models among those that ONNX ships beside the node cases, and why they do not pass."""

RANDOM = frozenset(
    {
        "test_bernoulli",
        "test_bernoulli_double",
        "test_bernoulli_seed",
        "test_training_dropout",
        "test_training_dropout_default",
        "test_training_dropout_default_mask",
        "test_training_dropout_mask",
    }
)
"""Cases whose numbers come from a generator that ONNX does not define: their dtypes and shapes are compared."""


@cache
def cases() -> dict[str, list[Any]]:
    """The cases by operator. Those that show an operator as a function of others are left out: they are not about it."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        every = collect_testcases(None)
    found = defaultdict(list)
    for case in every:
        if "_expanded" not in case.name:
            last = case.model.graph.node[-1]
            found[full_name(last.domain, last.op_type)].append(case)
    return dict(sorted(found.items()))


def as_value(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return [as_value(entry) for entry in value] if isinstance(value, list) else value


def difference(ours: Any, wanted: Any, case: Any) -> str | None:
    """What differs, or None."""
    if wanted is None or isinstance(wanted, list):
        if type(ours) is not type(wanted) or (wanted is not None and len(ours) != len(wanted)):
            return f"{ours} instead of {wanted}"
        return next(
            filter(None, (difference(*pair, case) for pair in zip(ours or [], wanted or [], strict=True))), None
        )
    wanted = np.asarray(wanted)
    if not isinstance(ours, np.ndarray):
        return f"a {type(ours).__name__} instead of an array"
    if (ours.shape, ours.dtype) != (wanted.shape, wanted.dtype):
        return f"{ours.dtype}{list(ours.shape)} instead of {wanted.dtype}{list(wanted.shape)}"
    if case.name in RANDOM:
        return None
    if wanted.dtype.kind in "OUSbc" or wanted.size == 0:
        same = (
            bool((ours == wanted).all())
            if wanted.dtype.kind != "c"
            else np.allclose(ours, wanted, case.rtol, case.atol)
        )
    else:
        same = np.allclose(ours.astype(np.float64), wanted.astype(np.float64), case.rtol, case.atol, equal_nan=True)
    return None if same else f"{ours.ravel()[:6]} instead of {wanted.ravel()[:6]}"


def failure(case: Any) -> str | None:
    """Why a case fails, or None where it passes."""
    names = [entry.name for entry in case.model.graph.input]
    try:
        plan = plan_model(case.model)
        for inputs, outputs in case.data_sets:
            results = plan.run(dict(zip(names, map(as_value, inputs), strict=False)))
            assert len(results) == len(outputs)
            for ours, wanted in zip(results, outputs, strict=True):
                if why := difference(ours, as_value(wanted), case):
                    return why
    except EdgewrightError as error:
        return f"{type(error).__name__}: {error}"
    return None


@cache
def failures(operator: str) -> dict[str, str | None]:
    """Each case of an operator, and why it fails or None."""
    return {case.name: failure(case) for case in cases()[operator]}


def listed(operator: str, case: str) -> str | None:
    return NOT_PASSED.get(case) or NOT_PASSED.get(operator)


def names_in_table() -> list[str]:
    if not TABLE.exists():
        return []
    return re.findall(r"^\| `([^`]+)` \|", TABLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("operator", names_in_table())
def test_node_cases(operator: str) -> None:
    found = failures(operator)
    wrong = {case: why for case, why in found.items() if why and not listed(operator, case)}
    assert not wrong, "\n".join(f"{case}: {why}" for case, why in wrong.items())
    passes = [case for case, why in found.items() if not why and listed(operator, case)]
    assert not passes, f"These pass, so they must leave the list: {passes}"


SHIPPED = ("simple", "pytorch-operator", "pytorch-converted")


def read(path: Path, kind: onnx.TypeProto) -> Any:
    if kind.HasField("sequence_type"):
        return onnx.numpy_helper.to_list(onnx.SequenceProto.FromString(path.read_bytes()))
    if kind.HasField("optional_type"):
        return onnx.numpy_helper.to_optional(onnx.OptionalProto.FromString(path.read_bytes()))
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


@pytest.mark.parametrize("kind", SHIPPED)
def test_models_that_onnx_ships(kind: str) -> None:
    folders = sorted(
        path.parent for path in (Path(onnx.__file__).parent / "backend/test/data" / kind).glob("*/model.onnx")
    )
    assert len(folders) > 20
    wrong = []
    for folder in folders:
        model = onnx.load(folder / "model.onnx")
        for data in folder.glob("test_data_set_*"):
            graph = model.graph
            inputs = {
                entry.name: read(data / f"input_{place}.pb", entry.type)
                for place, entry in enumerate(graph.input)
                if (data / f"input_{place}.pb").exists()
            }
            wanted = [read(data / f"output_{place}.pb", entry.type) for place, entry in enumerate(graph.output)]
            case = SimpleNamespace(
                name=folder.name, model=model, data_sets=[(list(inputs.values()), wanted)], rtol=1e-3, atol=1e-6
            )
            why, reason = failure(case), NOT_PASSED_MODELS.get(folder.name)
            if bool(why) != bool(reason):
                wrong.append(f"{folder.name}: {why or 'passes, so it must leave the list'}")
    assert not wrong, "\n".join(wrong)


def test_every_reason_is_about_a_case_that_there_is() -> None:
    known = set(cases()) | {case.name for entry in cases().values() for case in entry}
    assert not NOT_PASSED.keys() - known
    assert not RANDOM - known


def test_enough_cases_pass() -> None:
    assert sum(why is None for operator in cases() for why in failures(operator).values()) >= AT_LEAST


def lines_of_table() -> list[str]:
    """The page of operators, from what the cases show."""
    rows, passed, total = [], 0, 0
    for operator in cases():
        found = failures(operator)
        good = sum(why is None for why in found.values())
        reasons = sorted({str(listed(operator, case)) for case, why in found.items() if why})
        rows.append(f"| `{operator}` | {good} of {len(found)} | {'; '.join(reasons)} |")
        passed, total = passed + good, total + len(found)
    newest = {full_name(schema.domain, schema.name): schema for schema in onnx.defs.get_all_schemas()}
    without_case = sorted(operators().keys() - cases().keys())
    expanded = sorted(
        name
        for name, schema in newest.items()
        if name not in operators() and (schema.has_function or schema.has_context_dependent_function)
    )
    lacking = sorted(
        name for name, schema in newest.items() if name not in {*operators(), *expanded} and not schema.deprecated
    )
    return [
        "# Operators in NumPy",
        "",
        f"What `edgewright.numpy_backend` runs, measured with the node cases of onnx {onnx.__version__}: {passed} of {total} pass.",
        "This page is written by `pytest tests/numpy_backend/test_node_cases.py --update-golden`.",
        "Cases with random numbers (Bernoulli, Dropout in training) are compared by dtype and shape.",
        "",
        f"Run as the function of other operators by which ONNX defines them: {', '.join(expanded)}.",
        "",
        f"There without a case: {', '.join(without_case)}.",
        "",
        f"Not there: {', '.join(lacking)}.",
        "",
        "| operator | cases that pass | why the others do not |",
        "|---|---|---|",
        *rows,
    ]


def test_the_table_is_what_the_cases_show(request: pytest.FixtureRequest) -> None:
    text = "\n".join(lines_of_table()) + "\n"
    update = bool(request.config.getoption("--update-golden"))
    if not update and TABLE.exists() and f"onnx {onnx.__version__}:" not in TABLE.read_text(encoding="utf-8"):
        pytest.skip(f"the page was measured with another version of onnx than {onnx.__version__}")
    check_golden(TABLE, text, update=update)
