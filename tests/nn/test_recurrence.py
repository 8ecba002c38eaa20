"""Every cell by hand against autograd in float64, and what happens where the compiled kernel cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch

from edgewright.errors import BadInput, MissingTool, UnknownName
from edgewright.nn import cells, recurrence
from edgewright.nn.recurrence import _compiled, _library, _torch

CELLS = cells.names()
# rows, steps, features, hidden
SHAPES = ((20, 33, 8, 40), (13, 5, 3, 13), (3, 20, 4, 17), (2, 1, 5, 9), (1, 6, 2, 8), (1, 1, 1, 2))
BY_HAND = ("compiled", "torch")
LARGEST_ERROR = 1e-5
NUMBERS = {"zeta": 0.7, "nu": 0.05, "alpha": 0.3, "beta": 0.9}

Values = list[torch.Tensor]
Run = Callable[..., torch.Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def values(cell: str, rows: int, steps: int, features: int, hidden: int, *, seed: int = 0, size: float = 1.0) -> Values:
    """Return x, W, U and the vectors of a cell."""
    generator = torch.Generator().manual_seed(seed)
    definition = cells.get(cell)

    def normal(*shape: int, deviation: float) -> torch.Tensor:
        return deviation * torch.randn(shape, generator=generator)

    return [
        normal(rows, steps, features, deviation=size),
        normal(definition.gates * hidden, features, deviation=0.3),
        normal(definition.gates * hidden, hidden, deviation=0.15),
        *(
            normal(vector.rows * hidden, deviation=0.5) if vector.rows else torch.tensor(NUMBERS[name])
            for name, vector in definition.vectors.items()
        ),
    ]


def run(
    cell: str, x: torch.Tensor, W: torch.Tensor, U: torch.Tensor, *vectors: torch.Tensor, **how: Any
) -> torch.Tensor:
    return recurrence.run(cell, x, W, U, dict(zip(cells.get(cell).vectors, vectors, strict=True)), **how)


def using(cell: str, implementation: str, **how: Any) -> Run:
    return partial(run, cell, implementation=implementation, **how)


def gradients(run: Run, given: Values) -> Values:
    """Return the output and the gradients of everything given, for half the sum of squares: terms of one number's do not cancel."""
    given = [value.clone().requires_grad_() for value in given]
    output = run(*given)
    return [output.detach(), *torch.autograd.grad(output.square().sum() / 2, given)]


def exact(cell: str, given: Values, **how: Any) -> Values:
    """Return what autograd finds in float64 for the definition."""
    return gradients(using(cell, "plain", **how), [value.double() for value in given])


def built_for(cell: str, machine: tuple[str, ...], every_step: bool) -> Run:
    """Return a run of the kernel built for a machine."""
    library = _library.build(_compiled.kernel(cell), machine)

    def run(x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        states = _compiled.compiled(cells.get(cell), library, every_step, True, x.transpose(0, 1), *others)
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


def of_torch(cell: str, hidden: int, features: int) -> tuple[torch.nn.RNNBase, Values]:
    """Return torch's own layer with random weights, and the same weights as ours."""
    layer: torch.nn.RNNBase = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](features, hidden, batch_first=True)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    from_input, from_state = layer.bias_ih_l0.chunk(4 - (cell == "gru")), layer.bias_hh_l0.chunk(4 - (cell == "gru"))
    both = [one + other for one, other in zip(from_input, from_state, strict=True)]
    biases = both if cell == "lstm" else [both[0], both[1], from_input[2], from_state[2]]
    return layer, [layer.weight_ih_l0, layer.weight_hh_l0, *biases]


@pytest.mark.parametrize("implementation", recurrence.IMPLEMENTATIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_weights_go_over_from_torchs_own_layers(cell: str, implementation: str) -> None:
    torch.manual_seed(0)
    layer, ours = of_torch(cell, 11, 3)
    x = torch.randn(4, 9, 3)
    right = layer(x)[0]
    found = run(cell, x, *ours, every_step=True, implementation=implementation)
    assert largest_error([found.detach()], [right.detach().double()]) < 2e-6
    weights = (layer.weight_ih_l0, layer.weight_hh_l0)
    expected = torch.autograd.grad(right.square().sum(), weights)
    got = torch.autograd.grad(found.square().sum(), weights)
    assert largest_error(list(got), [value.double() for value in expected]) < LARGEST_ERROR


def test_the_definition_of_fastgrnn_is_the_published_one() -> None:
    x, W, U, gate_bias, candidate_bias, zeta, nu = values("fastgrnn", 3, 4, 2, 5)
    state = x.new_zeros(3, 5)
    for step in x.unbind(1):
        gate = torch.sigmoid(step @ W.t() + state @ U.t() + gate_bias)
        candidate = torch.tanh(step @ W.t() + state @ U.t() + candidate_bias)
        state = gate * state + (zeta * (1 - gate) + nu) * candidate
    found = run("fastgrnn", x, W, U, gate_bias, candidate_bias, zeta, nu, implementation="plain")
    assert torch.allclose(found, state, atol=1e-6)


def test_the_definitions_of_fastrnn_and_ugrnn_are_the_published_ones() -> None:
    x, W, U, bias, alpha, beta = values("fastrnn", 3, 4, 2, 5)
    state = x.new_zeros(3, 5)
    for step in x.unbind(1):
        state = beta * state + alpha * torch.tanh(step @ W.t() + state @ U.t() + bias)
    assert torch.allclose(run("fastrnn", x, W, U, bias, alpha, beta, implementation="plain"), state, atol=1e-6)
    x, W, U, gate_bias, candidate_bias = values("ugrnn", 3, 4, 2, 5)
    state = x.new_zeros(3, 5)
    for step in x.unbind(1):
        gate = torch.sigmoid(step @ W[:5].t() + state @ U[:5].t() + gate_bias)
        candidate = torch.tanh(step @ W[5:].t() + state @ U[5:].t() + candidate_bias)
        state = gate * state + (1 - gate) * candidate
    assert torch.allclose(run("ugrnn", x, W, U, gate_bias, candidate_bias, implementation="plain"), state, atol=1e-6)


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("implementation", BY_HAND)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_autograd_in_float64(
    cell: str, implementation: str, shape: tuple[int, int, int, int], every_step: bool
) -> None:
    given = values(cell, *shape)
    found = gradients(using(cell, implementation, every_step=every_step), given)
    assert all(value.dtype == torch.float32 for value in found)
    assert largest_error(found, exact(cell, given, every_step=every_step)) < LARGEST_ERROR


@pytest.mark.parametrize("cell", ["fastgrnn", "gru"])
@pytest.mark.parametrize("hidden", [7, 16, 20, 30, 33])
def test_every_number_of_rows_fills_its_tiles(cell: str, hidden: int) -> None:
    for rows in range(1, 14):
        given = values(cell, rows, 3, 2, hidden, seed=rows)
        found = gradients(using(cell, "compiled", every_step=True), given)
        assert largest_error(found, exact(cell, given, every_step=True)) < LARGEST_ERROR, rows


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_portable_kernel_computes_the_same(cell: str, every_step: bool) -> None:
    given = values(cell, 5, 7, 3, 21)
    found = gradients(built_for(cell, _library.PORTABLE, every_step), given)
    assert largest_error(found, exact(cell, given, every_step=every_step)) < LARGEST_ERROR


@pytest.mark.parametrize("activations", cells.ACTIVATIONS)
@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("cell", CELLS)
def test_torch_operations_are_exact_in_double_precision(cell: str, every_step: bool, activations: str) -> None:
    given = [value.double() for value in values(cell, 3, 4, 2, 5)]
    how = {"every_step": every_step, "activations": activations}
    assert largest_error(gradients(using(cell, "torch", **how), given), exact(cell, given, **how)) < 1e-13
    assert torch.autograd.gradcheck(partial(run, cell, **how), [value.requires_grad_() for value in given])


@pytest.mark.parametrize("chunk", [1, 60, 10**6])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_taken_together_do_not_matter(cell: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_torch, "_CHUNK", chunk)
    given = [value.double() for value in values(cell, 3, 11, 2, 5)]
    assert largest_error(gradients(using(cell, "torch"), given), exact(cell, given)) < 1e-13


@pytest.mark.parametrize("implementation", recurrence.IMPLEMENTATIONS)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", CELLS)
def test_each_row_is_read_to_its_own_end(cell: str, reverse: bool, implementation: str) -> None:
    lengths = torch.tensor([6, 1, 4, 6])
    given = values(cell, 4, 6, 3, 9)
    for row, length in enumerate(lengths):
        given[0][row, length:] = torch.nan
    how = {"reverse": reverse, "implementation": implementation}
    every = run(cell, *given, every_step=True, lengths=lengths, **how)
    last = run(cell, *given, lengths=lengths, **how)
    for row, length in enumerate(lengths.tolist()):
        alone = given[0][row : row + 1, :length]
        right = run(cell, alone.flip(1) if reverse else alone, *given[1:], every_step=True, implementation="plain")[0]
        assert torch.allclose(last[row], right[-1], atol=1e-5)
        assert torch.allclose(every[row, :length], right.flip(0) if reverse else right, atol=1e-5)
        assert not every[row, length:].any()
    found = gradients(using(cell, implementation, reverse=reverse, lengths=lengths), given)
    assert largest_error(found, exact(cell, given, reverse=reverse, lengths=lengths)) < LARGEST_ERROR
    whole = run(cell, given[0][:1], *given[1:], **how)
    assert torch.allclose(whole, last[:1], atol=1e-5)


def test_lengths_that_x_does_not_have_are_told() -> None:
    given = values("fastrnn", 3, 4, 2, 5)
    for lengths, because in (
        (torch.tensor([4, 0, 4]), "Row 1 has the length 0.*from 1 to the 4 steps"),
        (torch.tensor([4, 4, 5]), "Row 2 has the length 5"),
        (torch.tensor([4, 4]), r"3 whole numbers.*\[2\]"),
        (torch.tensor([4.0, 4.0, 4.0]), "whole numbers"),
    ):
        with pytest.raises(BadInput, match=because):
            run("fastrnn", *given, lengths=lengths)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("implementation", BY_HAND)
def test_saturated_cells_are_right_too(cell: str, implementation: str) -> None:
    given = values(cell, 6, 9, 4, 11, size=200.0)
    right = exact(cell, given)
    # Where only saturated cells pass a gradient on, little is left of it in float32, whoever computes it.
    allowed = 5 * largest_error(gradients(using(cell, "plain"), given), right)
    assert largest_error(gradients(using(cell, implementation), given), right) < max(allowed, LARGEST_ERROR)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("implementation", recurrence.IMPLEMENTATIONS)
def test_what_is_not_a_number_stays_so_in_its_row(cell: str, implementation: str) -> None:
    given = values(cell, 4, 3, 2, 10)
    given[0][2, 1, 0] = torch.nan
    states = run(cell, *given, implementation=implementation)
    assert states[2].isnan().all()
    assert states[[0, 1, 3]].isfinite().all()


@pytest.mark.parametrize("every_step", [False, True], ids=["last", "every"])
@pytest.mark.parametrize("implementation", BY_HAND)
@pytest.mark.parametrize("cell", CELLS)
def test_without_gradients_the_result_is_the_same(cell: str, implementation: str, every_step: bool) -> None:
    given = values(cell, 9, 12, 3, 14)
    run = using(cell, implementation, every_step=every_step)
    kept = run(given[0], *(value.requires_grad_() for value in given[1:]))
    with torch.no_grad():
        assert torch.equal(run(*given), kept)
    with torch.inference_mode():
        assert torch.equal(run(*given), kept)
    again = run(*given)  # memory that was first used in inference mode can be written to again
    again.sum().backward()
    assert torch.equal(again, kept)


@pytest.mark.parametrize("implementation", BY_HAND)
@pytest.mark.parametrize("cell", CELLS)
def test_memory_is_used_again_only_when_nobody_needs_it(cell: str, implementation: str) -> None:
    first, second = values(cell, 8, 6, 3, 10), values(cell, 8, 6, 3, 10, seed=1)
    run, every = using(cell, implementation), using(cell, implementation, every_step=True)
    right = gradients(run, first)[1:]
    first = [value.requires_grad_() for value in first]
    output = run(*first)
    for _ in range(3):
        found = torch.autograd.grad(output.square().sum() / 2, first, retain_graph=True)
        assert all(torch.equal(one, other) for one, other in zip(found, right, strict=True))
        gradients(run, second)
        gradients(every, second)


@pytest.mark.parametrize("implementation", BY_HAND)
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0)])
@pytest.mark.parametrize("cell", CELLS)
def test_no_rows_or_no_steps_give_no_gradient(cell: str, implementation: str, rows: int, steps: int) -> None:
    output, *found = gradients(using(cell, implementation), values(cell, rows, steps, 3, 9))
    assert torch.equal(output, torch.zeros(rows, 9))
    assert all(not value.any() for value in found)


@pytest.mark.parametrize("cell", CELLS)
def test_threads_change_results_by_rounding_only(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_SLICE_PRODUCTS", 1)
    given = values(cell, 11, 8, 3, 20)
    run = using(cell, "compiled", every_step=True)
    alone = gradients(run, given)
    for threads in (2, 3, 16):
        torch.set_num_threads(threads)
        assert len(_library.slices(11, 10**9)) == min(threads, 11)
        found = gradients(run, given)
        assert largest_error(found, [value.double() for value in alone]) < 2e-6
        assert all(torch.equal(one, other) for one, other in zip(found, gradients(run, given), strict=True))


def test_slices_hold_each_row_once() -> None:
    torch.set_num_threads(4)
    assert _library.slices(10, 10**12) == [(0, 2), (2, 5), (5, 7), (7, 10)]
    assert _library.slices(10, 10**6) == [(0, 10)]
    assert _library.slices(0, 0) == [(0, 0)]


@pytest.mark.parametrize("cell", CELLS)
def test_a_view_of_the_state_is_what_the_recurrent_product_sees(cell: str) -> None:
    given = values(cell, 4, 5, 3, 6)
    halved = run(cell, *given, view=lambda state: state / 2)
    assert recurrence.choice(cell, view=torch.round).name == "plain"
    given[2] /= 2
    assert torch.allclose(halved, run(cell, *given), atol=1e-6)
    with pytest.raises(BadInput, match="no view"):
        run(cell, *given, view=torch.round, implementation="torch")


@pytest.mark.parametrize("cell", CELLS)
def test_the_compiled_kernel_is_taken_for_smooth_float32_alone(cell: str) -> None:
    assert recurrence.choice(cell) == recurrence.Choice("compiled", None)
    other = recurrence.choice(cell, torch.zeros(1, dtype=torch.float64))
    assert other.name == "torch"
    assert "float32 on the CPU, not torch.float64" in str(other.why_not)
    hard = recurrence.choice(cell, activations="hard")
    assert hard.name == "torch"
    assert "smooth activations" in str(hard.why_not)
    given = values(cell, 3, 4, 2, 5)
    assert using(cell, "torch")(*[v.bfloat16() for v in given]).dtype == torch.bfloat16
    with pytest.raises(MissingTool, match="smooth activations"):
        run(cell, *given, activations="hard", implementation="compiled")


@pytest.mark.parametrize("cell", CELLS)
def test_other_shapes_and_types_are_told(cell: str) -> None:
    good = values(cell, 3, 4, 2, 5)
    for place, wrong in (
        (0, good[0][0]),
        (1, good[1].t()),
        (2, good[2][:, :4]),
        (3, good[3][:4]),
        (len(good) - 1, good[-1].double()),
    ):
        with pytest.raises(BadInput, match=r"W \[.*hidden, features\].*given were x"):
            run(cell, *good[:place], wrong, *good[place + 1 :])
    given = dict(zip(cells.get(cell).vectors, good[3:], strict=True))
    left_out = next(iter(given))
    del given[left_out]
    with pytest.raises(BadInput, match=f"takes .*{left_out}"):
        recurrence.run(cell, *good[:3], given)


def test_other_names_are_told() -> None:
    good = values("fastgrnn", 3, 4, 2, 5)
    with pytest.raises(UnknownName, match="'compiled'"):
        run("fastgrnn", *good, implementation="compield")
    with pytest.raises(UnknownName, match="'hard'"):
        run("fastgrnn", *good, activations="hrad")
    with pytest.raises(UnknownName, match="'hard'"):
        recurrence.choice("fastgrnn", activations="hrad")
    for ask in (recurrence.choice, lambda name: recurrence.run(name, *good[:3], {})):
        with pytest.raises(UnknownName, match="'fastgrnn'"):
            ask("fastgrn")
