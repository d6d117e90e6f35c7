"""Identities of firing."""

import pytest
import torch

from mmsfa.neurons.functional import (
    integer_fire,
    integer_fire_over_time,
    simulate_if_neuron,
    spike_train,
    sum_spikes,
)

ROUNDINGS = ['half_even', 'half_up']


def potentials(dtype=torch.float64):
    """A dense dyadic grid that holds every tie of D <= 8, and random values."""
    grid = torch.arange(-2, 10, 1 / 64, dtype=dtype)
    return torch.cat([grid, 3 * torch.randn(4096, dtype=dtype) + 1])


def expected_counts(x, D, rounding):
    """The published formulas, written with numpy."""
    clipped = x.numpy().clip(0, D)
    counts = clipped.round() if rounding == 'half_even' else (clipped + 0.5) // 1
    return torch.from_numpy(counts)


def if_neuron(charge, D, rounding='half_even'):
    """An integrate-and-fire neuron with soft reset whose whole charge is there at the first step.

    v_1 = U, a spike where v_d reaches 1/2, then v_{d+1} = v_d - s_d. To round halves to even, the
    threshold is strict in odd steps, and a neuron that was silent once stays silent.
    """
    spikes = []
    active = torch.ones_like(charge, dtype=torch.bool)
    for step in range(1, D + 1):
        strict = rounding == 'half_even' and step % 2 == 1
        active = active & (charge > 0.5 if strict else charge >= 0.5)
        spikes.append(active.to(charge.dtype))
        charge = charge - spikes[-1]
    return torch.stack(spikes)


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


@pytest.mark.parametrize('rounding', ROUNDINGS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('D', [1, 2, 4, 8])
def test_if_neuron_fires_the_integer(D, dtype, rounding):
    x = potentials(dtype)
    spikes = if_neuron(x, D, rounding)
    counts = integer_fire(x, D, 1, rounding)
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(sum_spikes(spikes), counts)
    assert torch.equal(spikes, spike_train(counts, D)), 'an early-first prefix of ones'


@pytest.mark.parametrize('dtype', [torch.float32, torch.int64, torch.uint8])
def test_spike_train_and_its_inverse(dtype):
    counts = torch.randint(0, 5, (3, 7)).to(dtype)
    spikes = spike_train(counts, 4)
    assert spikes.shape == (4, 3, 7)
    assert (spikes[1:] <= spikes[:-1]).all(), 'early first'
    assert torch.equal(sum_spikes(spikes), counts)


@pytest.mark.parametrize('wrong', [[0.25], [5.0], [-1.0]])
def test_spike_train_refuses_what_is_no_count(wrong):
    with pytest.raises(ValueError, match='integers in 0..D=4'):
        spike_train(torch.tensor(wrong), 4)


def test_a_linear_layer_of_spikes_equals_one_of_counts():
    layer = torch.nn.Linear(16, 8).double()
    counts = integer_fire(potentials()[: 16 * 40].view(40, 16), norm=1)
    accumulated = sum(step @ (layer.weight.T / 4) for step in spike_train(counts, 4)) + layer.bias
    torch.testing.assert_close(accumulated, layer(counts / 4), rtol=0, atol=1e-14)


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


@pytest.mark.parametrize('beta', [0, 0.25])
def test_a_batch_that_is_no_multiple_of_its_steps_is_refused(beta):
    with pytest.raises(ValueError, match='multiple of T=4'):
        integer_fire_over_time(torch.zeros(6, 2), T=4, beta=beta)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(T=0), 'T .* must'),
        (dict(T=2, beta=float('nan')), 'beta .* must'),
        (dict(T=2, beta='a'), 'beta .* must'),
    ],
)
def test_wrong_times(settings, message):
    with pytest.raises(ValueError, match=message):
        integer_fire_over_time(torch.zeros(6, 2), **settings)


@pytest.mark.parametrize('D', [0, 2.5])
def test_expansions_refuse_wrong_levels(D):
    for expand in (spike_train, deprecated_if_neuron):
        with pytest.raises(ValueError, match='D .* must be an integer >= 1'):
            expand(torch.zeros(2), D)


def deprecated_if_neuron(*args):
    with pytest.warns(DeprecationWarning, match='gives the same spikes'):
        return simulate_if_neuron(*args)


@pytest.mark.parametrize('rounding', ROUNDINGS)
def test_the_old_name_of_the_simulated_neuron_stays(rounding):
    x = potentials()
    assert torch.equal(deprecated_if_neuron(x, 4, rounding), if_neuron(x, 4, rounding))
    spikes = deprecated_if_neuron(torch.tensor([torch.nan, 2.0]), 4)
    assert spikes[:, 0].isnan().all()
    assert spikes[:, 1].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize('D', [0, -1, 2.5, True, '4'])
def test_wrong_number_of_levels(D):
    with pytest.raises(ValueError, match='D .* must be an integer >= 1'):
        integer_fire(torch.zeros(1), D)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(norm=0), 'norm must be None'),
        (dict(norm='4'), 'norm must be None'),
        (dict(norm=True), 'norm must be None'),
        (dict(norm=float('inf')), 'norm must be None'),
        (dict(rounding='up'), "rounding must be 'half_even' or 'half_up'"),
        (dict(grad_range='sigmoid'), "grad_range must be 'closed' or 'open'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        integer_fire(torch.zeros(1), **settings)


def test_integer_tensors_are_refused():
    with pytest.raises(TypeError, match='floating-point tensor, got torch.int64'):
        integer_fire(torch.arange(3))


def test_nan_stays_nan_and_is_no_spike():
    x = torch.tensor([torch.nan, torch.inf, -torch.inf])
    for grad in (False, True):
        fired = integer_fire(x.clone().requires_grad_(grad))
        assert fired[0].isnan()
        assert fired[1:].tolist() == [1.0, 0.0]
