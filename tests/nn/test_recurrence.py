"""The recurrence by hand against autograd in float64, and what happens where the compiled kernel cannot be had."""

from __future__ import annotations

import ctypes
import gc
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from edgewright.engines import _cache, _tools
from edgewright.errors import BadInput, MissingTool, UnknownName
from edgewright.nn import recurrence
from edgewright.nn.fastgrnn import FastGRNN
from edgewright.nn.recurrence import _fastgrnn as cell
from edgewright.nn.recurrence import _library

# rows, steps, features, hidden
SHAPES = ((100, 99, 32, 100), (7, 16, 16, 32), (13, 5, 3, 13), (3, 20, 4, 17), (2, 1, 5, 9), (1, 6, 2, 8), (1, 1, 1, 2))
BY_HAND = ("compiled", "torch")
LARGEST_ERROR = 1e-5

Values = list[torch.Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forgets what was loaded, before and after."""
    _library.load.cache_clear()
    yield
    _library.load.cache_clear()


def values(rows: int, steps: int, features: int, hidden: int, *, seed: int = 0, size: float = 1.0) -> Values:
    """Return x, W, U, biases, zeta, nu."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rows, steps, features), (hidden, features), (hidden, hidden), (hidden,), (hidden,))
    sizes = (size, 0.3, 0.15, 0.5, 0.5)
    found = [factor * torch.randn(shape, generator=generator) for shape, factor in zip(shapes, sizes, strict=True)]
    return [*found, torch.tensor(0.7), torch.tensor(0.05)]


def gradients(run: Callable[..., torch.Tensor], given: Values, every_step: bool) -> Values:
    """Return the output and the gradients of everything given, for half the sum of squares: terms of zeta's do not cancel."""
    given = [value.clone().requires_grad_() for value in given]
    output = run(*given, every_step=every_step)
    return [output.detach(), *torch.autograd.grad(output.square().sum() / 2, given)]


def naive(
    x: torch.Tensor,
    W: torch.Tensor,
    U: torch.Tensor,
    gate_bias: torch.Tensor,
    candidate_bias: torch.Tensor,
    zeta: torch.Tensor,
    nu: torch.Tensor,
    every_step: bool = False,
) -> torch.Tensor:
    """As it is published."""
    state, states = x.new_zeros(len(x), len(U)), []
    for step in x.unbind(1):
        gate = torch.sigmoid(step @ W.t() + state @ U.t() + gate_bias)
        candidate = torch.tanh(step @ W.t() + state @ U.t() + candidate_bias)
        state = gate * state + (zeta * (1 - gate) + nu) * candidate
        states.append(state)
    return torch.stack(states, 1) if every_step else state


def using(implementation: str) -> Callable[..., torch.Tensor]:
    return partial(recurrence.fastgrnn, implementation=implementation)


def built_for(machine: tuple[str, ...]) -> Callable[..., torch.Tensor]:
    """Return a run of the kernel built for a machine."""
    library = _library.build(cell.KERNEL, machine)

    def run(x: torch.Tensor, *others: torch.Tensor, every_step: bool) -> torch.Tensor:
        states = cell.compiled(library, x.transpose(0, 1), *others, every_step, True)
        return states.transpose(0, 1) if every_step else states

    return run


def largest_error(found: Values, right: Values) -> float:
    """Return the norm of the difference over the norm, at worst; a gradient that is nothing must be exactly that."""
    errors = []
    for one, other in zip(found, right, strict=True):
        assert one.shape == other.shape
        norm = float(other.norm())
        errors.append(float((one.double() - other).norm()) / norm if norm else float(one.norm()))
    return max(errors)


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("implementation", BY_HAND)
def test_gradients_are_those_of_autograd_in_float64(
    implementation: str, shape: tuple[int, int, int, int], every_step: bool
) -> None:
    given = values(*shape)
    right = gradients(naive, [value.double() for value in given], every_step)
    found = gradients(using(implementation), given, every_step)
    assert all(value.dtype == torch.float32 for value in found)
    assert largest_error(found, right) < LARGEST_ERROR


@pytest.mark.parametrize("hidden", [7, 16, 20, 30, 33])
def test_every_number_of_rows_fills_its_tiles(hidden: int) -> None:
    for rows in range(1, 14):
        given = values(rows, 3, 2, hidden, seed=rows)
        right = gradients(naive, [value.double() for value in given], True)
        assert largest_error(gradients(using("compiled"), given, True), right) < LARGEST_ERROR, rows


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
def test_the_portable_kernel_computes_the_same(every_step: bool) -> None:
    given = values(5, 7, 3, 21)
    right = gradients(naive, [value.double() for value in given], every_step)
    assert largest_error(gradients(built_for(_library.PORTABLE), given, every_step), right) < LARGEST_ERROR


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
def test_torch_operations_are_exact_in_double_precision(every_step: bool) -> None:
    given = [value.double() for value in values(3, 4, 2, 5)]
    assert largest_error(gradients(using("torch"), given, every_step), gradients(naive, given, every_step)) < 1e-13
    run = partial(recurrence.fastgrnn, every_step=every_step)
    assert torch.autograd.gradcheck(run, [value.requires_grad_() for value in given])


@pytest.mark.parametrize("implementation", BY_HAND)
def test_saturated_cells_are_right_too(implementation: str) -> None:
    given = values(6, 9, 4, 11, size=200.0)
    right = gradients(naive, [value.double() for value in given], False)
    assert largest_error(gradients(using(implementation), given, False), right) < LARGEST_ERROR


@pytest.mark.parametrize("implementation", recurrence.IMPLEMENTATIONS)
def test_what_is_not_a_number_stays_so_in_its_row(implementation: str) -> None:
    given = values(4, 3, 2, 10)
    given[0][2, 1, 0] = torch.nan
    states = recurrence.fastgrnn(*given, implementation=implementation)
    assert states[2].isnan().all()
    assert states[[0, 1, 3]].isfinite().all()


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("implementation", BY_HAND)
def test_without_gradients_the_result_is_the_same(implementation: str, every_step: bool) -> None:
    given = values(9, 12, 3, 14)
    run = partial(using(implementation), every_step=every_step)
    kept = run(given[0], *(value.requires_grad_() for value in given[1:]))
    with torch.no_grad():
        assert torch.equal(run(*given), kept)
    with torch.inference_mode():
        assert torch.equal(run(*given), kept)
    again = run(*given)  # memory that was first used in inference mode can be written to again
    again.sum().backward()
    assert torch.equal(again, kept)


@pytest.mark.parametrize("implementation", BY_HAND)
def test_memory_is_used_again_only_when_nobody_needs_it(implementation: str) -> None:
    first, second = values(8, 6, 3, 10), values(8, 6, 3, 10, seed=1)
    run = using(implementation)
    right = gradients(run, first, False)[1:]
    first = [value.requires_grad_() for value in first]
    output = run(*first)
    for _ in range(3):
        found = torch.autograd.grad(output.square().sum() / 2, first, retain_graph=True)
        assert all(torch.equal(one, other) for one, other in zip(found, right, strict=True))
        gradients(run, second, False)
        gradients(run, second, True)
        gc.collect()


@pytest.mark.parametrize("implementation", BY_HAND)
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0)])
def test_no_rows_or_no_steps_give_no_gradient(implementation: str, rows: int, steps: int) -> None:
    output, *found = gradients(using(implementation), values(rows, steps, 3, 9), False)
    assert torch.equal(output, torch.zeros(rows, 9))
    assert all(not value.any() for value in found)


def test_threads_change_results_by_rounding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_SLICE_PRODUCTS", 1)
    given = values(11, 8, 3, 20)
    alone = gradients(using("compiled"), given, True)
    for threads in (2, 3, 16):
        torch.set_num_threads(threads)
        assert len(_library.slices(11, 10**9)) == min(threads, 11)
        found = gradients(using("compiled"), given, True)
        assert largest_error(found, [value.double() for value in alone]) < 2e-6
        again = gradients(using("compiled"), given, True)
        assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))


def test_slices_hold_each_row_once() -> None:
    torch.set_num_threads(4)
    assert _library.slices(10, 10**12) == [(0, 2), (2, 5), (5, 7), (7, 10)]
    assert _library.slices(10, 10**6) == [(0, 10)]
    assert _library.slices(0, 0) == [(0, 0)]


def test_a_view_of_the_state_is_what_the_recurrent_product_sees() -> None:
    given = values(4, 5, 3, 6)
    halved = recurrence.fastgrnn(*given, view=lambda state: state / 2)
    assert recurrence.choice(view=torch.round).name == "plain"
    given[2] /= 2
    assert torch.allclose(halved, recurrence.fastgrnn(*given), atol=1e-6)
    with pytest.raises(BadInput, match="no view"):
        recurrence.fastgrnn(*given, view=torch.round, implementation="torch")


def test_the_compiled_kernel_is_taken_for_float32_alone() -> None:
    assert recurrence.choice() == recurrence.Choice("compiled", None)
    other = recurrence.choice(torch.zeros(1, dtype=torch.float64))
    assert other.name == "torch"
    assert "float32 on the CPU, not torch.float64" in str(other.why_not)
    assert using("torch")(*[v.bfloat16() for v in values(3, 4, 2, 5)]).dtype == torch.bfloat16


def test_other_shapes_types_and_names_are_told() -> None:
    good = values(3, 4, 2, 5)
    for place, wrong in (
        (0, good[0][0]),
        (1, good[1].t()),
        (2, good[2][:, :4]),
        (3, good[3][:4]),
        (5, good[5].double()),
    ):
        with pytest.raises(BadInput, match=r"W \[hidden, features\].*given were x"):
            recurrence.fastgrnn(*good[:place], wrong, *good[place + 1 :])
    with pytest.raises(UnknownName, match="'compiled'"):
        recurrence.fastgrnn(*good, implementation="compield")


def falls_back(because: str) -> None:
    """The learner works all the same, and says why not the kernel."""
    chosen = recurrence.choice()
    assert chosen.name == "torch"
    assert because in str(chosen.why_not)
    given = values(3, 4, 2, 5)
    assert torch.equal(recurrence.fastgrnn(*given), using("torch")(*given))
    with pytest.raises(MissingTool, match="does not serve"):
        using("compiled")(*given)
    module = FastGRNN(2, 3, 5, torch.Generator().manual_seed(0))
    module(given[0]).sum().backward()
    assert module.U.grad is not None


@pytest.mark.usefixtures("fresh")
def test_without_a_compiler_torch_operations_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tools, "zig_why_not", lambda: "the package ziglang is not installed: pip install ziglang")
    falls_back("pip install ziglang")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("machine", "capability", "because"),
    [("x86_64", "DEFAULT", "no AVX2"), ("AMD64", "AVX", "no AVX2"), ("s390x", "ZVECTOR", "'s390x' are not supported")],
)
def test_without_its_processor_torch_operations_serve(
    monkeypatch: pytest.MonkeyPatch, machine: str, capability: str, because: str
) -> None:
    monkeypatch.setattr(_library.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    falls_back(because)


@pytest.mark.usefixtures("fresh")
def test_where_the_build_fails_torch_operations_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_FLAGS", (*_library._FLAGS, "-fno-such-option"))
    falls_back("does not build")


@pytest.mark.usefixtures("fresh")
def test_where_nothing_can_be_cached_torch_operations_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path / "file" / "folder"))
    falls_back("Cannot write the build cache")


@pytest.mark.usefixtures("fresh")
def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _library.build

    def wrong(kernel: _library.Kernel, machine: tuple[str, ...]) -> ctypes.CDLL:
        library = honest(kernel, machine)
        monkeypatch.setattr(library, "fastgrnn_backward", lambda *_: None)
        return library

    monkeypatch.setattr(_library, "build", wrong)
    falls_back("something else than torch")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("damage", [b"", b"not a library", None], ids=["empty", "text", "gone"])
def test_a_damaged_library_in_the_cache_is_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes | None
) -> None:
    built = Path(_library.build(cell.KERNEL, _library.PORTABLE)._name)
    library = tmp_path / "builds" / built.parent.name / built.name
    shutil.copytree(built.parent, library.parent)
    (tmp_path / "zig").symlink_to(_cache.cache_folder() / "zig")  # what zig keeps takes long to make again
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    library.unlink()
    if damage is not None:
        library.write_bytes(damage)
    again = _library.build(cell.KERNEL, _library.PORTABLE)
    assert Path(again._name) == library
    assert cell.KERNEL.agrees(again)


def test_the_cache_is_the_projects_own() -> None:
    library = _library.load(cell.KERNEL).library
    assert library is not None
    assert Path(library._name).is_relative_to(_cache.cache_folder())
