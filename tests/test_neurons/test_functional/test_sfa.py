"""Integer firing: the published formula, its gradient, and its form over time."""

import pytest
import torch

from mmsfa.neurons import functional
from mmsfa.neurons.functional import (
    integer_fire,
    integer_fire_one_step,
    integer_fire_over_time,
)
from tests.helpers.potentials import ROUNDINGS, potentials


def expected_counts(x, D, rounding):
    """The published formulas, written with numpy."""
    clipped = x.numpy().clip(0, D)
    counts = clipped.round() if rounding == 'half_even' else (clipped + 0.5) // 1
    return torch.from_numpy(counts)


@pytest.mark.parametrize('rounding', ROUNDINGS)
@pytest.mark.parametrize('D', [1, 2, 4, 8])
@pytest.mark.parametrize('norm', [None, 1, 3])
def test_forward_is_the_published_formula(D, norm, rounding):
    x = potentials()
    fired = integer_fire(x, D, norm, rounding)
    assert torch.equal(fired, expected_counts(x, D, rounding) / (norm or D))


def test_ties_show_the_rounding_convention():
    ties = torch.tensor([0.5, 1.5, 2.5, 3.5])
    assert integer_fire(ties, norm=1, rounding='half_even').tolist() == [0, 2, 2, 4]
    assert integer_fire(ties, norm=1, rounding='half_up').tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(('grad_range', 'at_the_ends'), [('closed', 1.0), ('open', 0.0)])
@pytest.mark.parametrize('norm', [None, 1])
def test_gradient_passes_straight_through(grad_range, at_the_ends, norm):
    x = torch.tensor([-1.0, 0.0, 1e-6, 0.5, 3.9, 4.0, 4.1, torch.nan], requires_grad=True)
    upstream = torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8])
    integer_fire(x, 4, norm, grad_range=grad_range).backward(upstream)
    passes = torch.tensor([0, at_the_ends, 1, 1, 1, at_the_ends, 0, 0])
    assert torch.equal(x.grad, upstream * passes / (norm or 4))


def test_with_and_without_gradient_fire_alike():
    x = potentials()
    with torch.no_grad():
        fired = integer_fire(x)
    assert torch.equal(fired, integer_fire(x.requires_grad_()))


def test_inplace_spares_an_input_whose_gradient_is_wanted():
    x = potentials()
    wanted, before = integer_fire(x), x.clone()
    assert torch.equal(integer_fire(x.requires_grad_(), inplace=True), wanted)
    assert torch.equal(x, before)
    with torch.no_grad():
        assert integer_fire(x, inplace=True).data_ptr() == x.data_ptr()
    assert torch.equal(x, wanted)


def test_the_input_is_not_overwritten():
    x = potentials().requires_grad_()
    before = x.detach().clone()
    integer_fire(x).sum().backward()
    assert torch.equal(x, before)


def test_one_time_step_is_the_static_case():
    x = potentials(torch.float32)
    assert torch.equal(integer_fire_over_time(x, T=1), integer_fire(x))


def test_without_leak_nothing_is_carried_over():
    x = potentials()
    x = x[: x.numel() // 4 * 4]
    assert torch.equal(integer_fire_over_time(x, T=4, beta=0), integer_fire(x))


def test_time_follows_the_written_out_recursion():
    T, B, beta = 5, 3, 0.25
    x = torch.randn(T * B, 4, dtype=torch.float64) * 3
    fired = integer_fire_over_time(x, T, D=4, norm=None, beta=beta).view(T, B, 4)
    membrane = counts = torch.zeros(B, 4, dtype=torch.float64)
    for t, current in enumerate(x.view(T, B, 4)):
        membrane = beta * (membrane - counts) + current
        counts = membrane.clamp(0, 4).round()
        assert torch.equal(fired[t], counts / 4)


def test_gradient_through_time_is_the_hand_derived_one():
    # U1 = x1 = 1.2 fires 1, U2 = b (U1 - n1) + x2 fires 2; dn/dU = 1 inside 0..4:
    # dy2/dx1 = b (1 - 1) = 0 where the first step fires in range, b where it is clipped.
    x = torch.tensor([[1.2, 6.0], [2.1, 1.1]], dtype=torch.float64, requires_grad=True)
    integer_fire_over_time(x, T=2, norm=1, beta=0.25)[1].sum().backward()
    assert x.grad.tolist() == [[0.0, 0.25], [1.0, 1.0]]


@pytest.mark.parametrize('rounding', ['half_even', 'half_up'])
@pytest.mark.parametrize('grad_range', ['closed', 'open'])
def test_gradient_through_time_is_that_of_the_written_out_recursion(rounding, grad_range):
    T, B, D, beta = 5, 3, 4, 0.25
    x = (torch.randn(T * B, 6, dtype=torch.float64) * 3).requires_grad_()
    weight = torch.randn(T * B, 6, dtype=torch.float64)

    def straight_through(membrane):
        """Clips like the grad_range, and adds the rounding as a constant."""
        in_range = (membrane >= 0) & (membrane <= D)
        passed = torch.where(in_range, membrane, membrane.detach())
        counts = membrane.detach().clamp(0, D)
        counts = counts.round() if rounding == 'half_even' else (counts + 0.5).floor()
        return passed + (counts - membrane).detach()

    membrane = counts = torch.zeros(B, 6, dtype=torch.float64)
    fired = []
    for current in x.view(T, B, 6):
        membrane = beta * (membrane - counts) + current
        counts = straight_through(membrane)
        fired.append(counts / D)
    (want,) = torch.autograd.grad((torch.cat(fired) * weight).sum(), x)
    ours = integer_fire_over_time(x, T, D, None, beta, rounding, grad_range)
    (got,) = torch.autograd.grad((ours * weight).sum(), x)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_nan_stays_nan_and_is_no_spike():
    x = torch.tensor([torch.nan, torch.inf, -torch.inf])
    for grad in (False, True):
        fired = integer_fire(x.clone().requires_grad_(grad))
        assert fired[0].isnan()
        assert fired[1:].tolist() == [1.0, 0.0]


def test_the_old_name_of_grad_range_works_with_a_warning():
    x = torch.tensor([0.0, 1.0, 4.0], requires_grad=True)
    with pytest.warns(DeprecationWarning, match='surrogate of integer_fire is now grad_range'):
        integer_fire(x, surrogate='open').sum().backward()
    assert x.grad.tolist() == [0, 0.25, 0]
    with pytest.warns(DeprecationWarning, match='over_time is now grad_range'):
        integer_fire_over_time(x, 1, surrogate='open')
    with pytest.warns(DeprecationWarning, match='one_step is now grad_range'):
        integer_fire_one_step(x, None, surrogate='open')
    with pytest.warns(DeprecationWarning, match='Surrogate is now GradRange'):
        assert functional.Surrogate is functional.GradRange
    with pytest.raises(AttributeError, match="has no attribute 'Surogate'"):
        functional.Surogate  # noqa: B018


@pytest.mark.parametrize('D', [1, 4])
@pytest.mark.parametrize('rounding', ROUNDINGS)
@pytest.mark.parametrize('grad_range', ['closed', 'open'])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_a_mask_leaves_gradients_where_something_fires(D, rounding, grad_range, dtype):
    grads, at = [], potentials().to(dtype)
    for mask in (None, 'fired', 'fired_cut'):
        x = at.clone().requires_grad_()
        fired = integer_fire(x, D, 1, rounding, grad_range, grad_mask=mask)
        fired.backward(torch.linspace(1, 2, x.numel()).to(dtype).view_as(x))
        grads.append(x.grad)
    plain, masked, cut = grads
    silent = fired.detach() == 0
    assert torch.equal(masked, plain.masked_fill(silent, 0)) and torch.equal(masked, cut)
    assert 0 < masked.count_nonzero() < plain.count_nonzero()


def test_the_share_of_gradients_that_a_mask_spares():
    # 100 000 potentials of a normal distribution, sigma 2, D = 4: those in 0..0.5 of all in 0..4
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(100_000, dtype=torch.float64, generator=draw).mul_(2).requires_grad_()
    integer_fire(x, grad_mask='fired').sum().backward()
    at = x.detach()
    assert torch.equal(x.grad != 0, (at > 0.5) & (at <= 4))
    assert 1 - x.grad.count_nonzero() / ((at >= 0) & (at <= 4)).sum() == pytest.approx(
        0.207, abs=3e-3
    )


@pytest.mark.parametrize(('mask', 'silent_gets'), [('fired', True), ('fired_cut', False)])
def test_through_time_a_silent_step_gets_a_gradient_unless_it_is_cut(mask, silent_gets):
    T = 3
    x = potentials()[: 900 * T].clone().requires_grad_()
    fired = integer_fire_over_time(x, T, grad_mask=mask)
    assert torch.equal(fired, integer_fire_over_time(x, T))
    fired.sum().backward()
    silent = fired.detach() == 0
    assert bool(x.grad[silent].any()) == silent_gets
    last = silent.view(T, -1)[-1]
    assert not x.grad.view(T, -1)[-1][last].any()


def test_an_unknown_mask_is_named():
    with pytest.raises(
        ValueError, match="grad_mask must be None, 'fired' or 'fired_cut', got 'on'"
    ):
        integer_fire(potentials(), grad_mask='on')
