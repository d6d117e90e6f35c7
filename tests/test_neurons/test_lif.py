"""IF and LIF: the recursion, its hand-derived gradient, and SpikingJelly's neurons."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from mmcv.cnn import ConvModule, build_activation_layer
from mmengine.registry import DefaultScope
from torch import Tensor

from mmsfa.neurons import IF, LIF, SpikingNeuron
from mmsfa.neurons.functional.surrogate import surrogate_derivative

T, B, C = 5, 3, 40
RESETS = [0.0, -0.3, None]
SURROGATES = ['atan', 'sigmoid', 'triangle', 'piecewise_quadratic', 'rectangle']


def current(scale: float = 2.0, dtype: torch.dtype = torch.float64) -> Tensor:
    x = torch.randn(T * B, C, dtype=dtype, generator=torch.Generator().manual_seed(0))
    return (x * scale + 0.5).requires_grad_()


def output_and_gradient(neuron: torch.nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    weight = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    out = neuron(x)
    (grad,) = torch.autograd.grad((out * weight.view_as(out)).sum(), x)
    return out.detach().view_as(x), grad


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
@pytest.mark.parametrize('name', ['IF', 'LIF'])
def test_every_library_can_build_it(scope: str, name: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        neuron = build_activation_layer(dict(type=f'mmpretrain.{name}', T=4, v_reset=None))
    assert isinstance(neuron, SpikingNeuron)
    assert (neuron.D, neuron.norm, neuron.T) == (1, 1, 4)


def test_conv_module_takes_it() -> None:
    brick = ConvModule(3, 8, 3, order=('act', 'conv', 'norm'), act_cfg=dict(type='mmpretrain.LIF'))
    x = torch.randn(2, 3, 8, 8) * 4
    before = x.clone()
    spikes = (x / 2 >= 1).float()
    assert torch.equal(brick(x), brick.conv(spikes))
    assert torch.equal(x, before)


@pytest.mark.parametrize('v_reset', RESETS)
@pytest.mark.parametrize('decay_input', [True, False])
def test_it_follows_the_written_out_recursion(v_reset: float | None, decay_input: bool) -> None:
    tau, threshold, rest = 2.5, 0.9, v_reset or 0.0
    x = current().detach()
    neuron = LIF(T, tau, decay_input, v_threshold=threshold, v_reset=v_reset)
    fired = neuron(x).view(T, B, C)
    v = torch.full((B, C), rest, dtype=torch.float64)
    for t, step in enumerate(x.view(T, B, C)):
        h = v + (step - (v - rest)) / tau if decay_input else v - (v - rest) / tau + step
        s = (h >= threshold).double()
        v = h - threshold * s if v_reset is None else torch.where(s > 0, rest, h)
        assert torch.equal(fired[t], s)
    assert 0.05 < fired.mean() < 0.95


def test_gradient_through_time_is_the_hand_derived_one() -> None:
    # IF, threshold 1, rectangle of width 1 (slope 1 where 0.5 < H < 1.5), soft reset:
    #   H1 = x1 fires or not, V1 = H1 - s1, H2 = V1 + x2.  ds2/dx2 = 1,
    #   ds2/dx1 = dV1/dH1 = 1 - ds1/dH1: 0 where H1 lies in the window, else 1.
    x = torch.tensor([[1.2, 0.2], [0.7, 0.7]], dtype=torch.float64, requires_grad=True)
    neuron = IF(2, v_reset=None, surrogate='rectangle')
    neuron(x)[1].sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 1.0]]
    # Hard reset: V1 = H1 (1 - s1), so dV1/dH1 = 1 - s1 - H1 ds1/dH1: -1.2 and 1.
    x.grad = None
    IF(2, surrogate='rectangle')(x)[1].sum().backward()
    assert x.grad.tolist() == [[-1.2, 1.0], [1.0, 1.0]]
    # ... and without the reset's own gradient 1 - s1
    x.grad = None
    IF(2, surrogate='rectangle', detach_reset=True)(x)[1].sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 1.0]]


class _Spike(torch.autograd.Function):
    """A step whose slope is the surrogate: plain autograd does the rest."""

    @staticmethod
    def forward(ctx, u, name, alpha):
        ctx.save_for_backward(surrogate_derivative(u, name, alpha))
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None, None


@pytest.mark.parametrize('v_reset', RESETS)
@pytest.mark.parametrize('detach_reset', [True, False])
@pytest.mark.parametrize('surrogate', SURROGATES)
def test_gradient_through_time_is_that_of_the_recursion(
    v_reset: float | None, detach_reset: bool, surrogate: str
) -> None:
    settings = dict(v_reset=v_reset, surrogate=surrogate, detach_reset=detach_reset)
    neuron = LIF(T, 3.0, v_threshold=0.8, **settings)

    def recursion(x: Tensor) -> Tensor:
        rest, fired = v_reset or 0.0, []
        v = torch.full((B, C), rest, dtype=x.dtype)
        for step in x.view(T, B, C):
            h = v + (step - (v - rest)) / 3.0
            s = _Spike.apply(h - 0.8, surrogate, neuron.alpha)
            fired.append(s)
            s = s.detach() if detach_reset else s
            v = h - 0.8 * s if v_reset is None else s * rest + (1 - s) * h
        return torch.cat(fired)

    x = current()
    got, want = output_and_gradient(neuron, x), output_and_gradient(recursion, x)
    assert torch.equal(got[0], want[0])
    torch.testing.assert_close(got[1], want[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('v_reset', RESETS)
@pytest.mark.parametrize('detach_reset', [True, False])
@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        ('atan', 'ATan'),
        ('sigmoid', 'Sigmoid'),
        ('piecewise_quadratic', 'PiecewiseQuadratic'),
        ('rectangle', 'Rect'),
    ],
)
def test_spikes_and_gradients_are_spikingjellys(
    v_reset: float | None, detach_reset: bool, ours: str, theirs: str
) -> None:
    activation_based = pytest.importorskip('spikingjelly.activation_based')
    from spikingjelly.activation_based import neuron as sj_neuron
    from spikingjelly.activation_based import surrogate as sj_surrogate

    assert activation_based
    common = dict(v_threshold=0.9, v_reset=v_reset, detach_reset=detach_reset)
    function = getattr(sj_surrogate, theirs)  # with its own default steepness
    pairs = [(IF(T, surrogate=ours, **common), sj_neuron.IFNode, {})]
    pairs += [
        (LIF(T, surrogate=ours, **leak, **common), sj_neuron.LIFNode, leak)
        for leak in (dict(tau=2.0), dict(tau=3.0, decay_input=False))
    ]
    for mine, node, leak in pairs:
        reference = node(surrogate_function=function(), step_mode='m', **leak, **common).double()
        x = current()
        got = output_and_gradient(mine, x)
        want = output_and_gradient(lambda x, node=reference: node(x.view(T, B, C)), x)
        assert torch.equal(got[0], want[0])
        torch.testing.assert_close(got[1], want[1], rtol=1e-12, atol=1e-12)


def test_defaults_are_spikingjellys() -> None:
    neuron = pytest.importorskip('spikingjelly.activation_based.neuron')
    x = current()
    for mine, node in ((IF(T), neuron.IFNode), (LIF(T), neuron.LIFNode)):
        reference = node(step_mode='m').double()
        got = output_and_gradient(mine, x)
        want = output_and_gradient(lambda x, node=reference: node(x.view(T, B, C)), x)
        assert torch.equal(got[0], want[0])
        torch.testing.assert_close(got[1], want[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('neuron', [IF(T), LIF(T), LIF(T, v_reset=None)])
def test_with_and_without_gradient_fire_alike(neuron: IF) -> None:
    x = current()
    with torch.no_grad():
        spikes = neuron(x)
    assert torch.equal(spikes, neuron(x))


@pytest.mark.parametrize('settings', [dict(), dict(v_reset=None), dict(detach_reset=True)])
def test_backward_keeps_one_number_per_element(settings: dict) -> None:
    x = torch.randn(T * B, 1000, requires_grad=True)
    kept = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        LIF(T, **settings)(x)
    assert sum(tensor.nbytes for tensor in kept) == x.nbytes


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_fires_binary_spikes(dtype: torch.dtype) -> None:
    x = current().detach().to(dtype)
    spikes = LIF(T)(x)
    assert spikes.dtype == dtype
    assert set(spikes.unique().tolist()) == {0.0, 1.0}


def test_the_last_number_below_the_threshold_is_silent() -> None:
    for threshold in (0.1, 1.0, 1.9, 3.0):
        at = torch.tensor([threshold])
        below = torch.nextafter(at, torch.zeros(1))
        neuron = IF(v_threshold=at.item())
        assert neuron(torch.stack([below, at]))[:, 0].tolist() == [0, 1]


def test_nan_stays_nan_and_is_no_silence() -> None:
    x = torch.tensor([[torch.nan, torch.inf, -torch.inf], [0.0, 2.0, 0.0]])
    for grad in (False, True):
        fired = IF(2)(x.clone().requires_grad_(grad))
        assert fired[:, 0].isnan().all()
        assert fired[:, 1:].tolist() == [[1, 0], [1, 0]]


@pytest.mark.slow
def test_compiles_without_graph_breaks() -> None:
    neuron = LIF(2)
    compiled = torch.compile(neuron, fullgraph=True, backend='aot_eager')
    x = torch.randn(4, 5).mul_(3).requires_grad_()
    y = x.detach().clone().requires_grad_()
    assert torch.equal(neuron(x), compiled(y))
    neuron(x).sum().backward()
    compiled(y).sum().backward()
    assert torch.equal(x.grad, y.grad)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(T=0), 'T .* must be an integer >= 1'),
        (dict(tau=0.5), 'tau .* must be >= 1 step, got 0.5'),
        (dict(v_threshold=0.0), 'v_threshold must be larger than v_reset'),
        (dict(v_reset=1.0), 'v_threshold must be larger than v_reset'),
        (dict(surrogate='closed'), "surrogate must be one of atan, .*, got 'closed'"),
        (dict(alpha=0), 'alpha .* must be None or a number > 0, got 0'),
    ],
)
def test_wrong_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LIF(**settings)


def test_wrong_inputs() -> None:
    with pytest.raises(ValueError, match='multiple of T=4'):
        LIF(4)(torch.zeros(6, 2))
    with pytest.raises(TypeError, match='floating-point tensor, got torch.int64'):
        LIF()(torch.arange(3))


def test_print_shows_the_settings() -> None:
    shown = repr(LIF(T=4, v_reset=None, surrogate='atan', detach_reset=True))
    assert shown == (
        'LIF(tau=2.0, decay_input=True, T=4, v_threshold=1.0, v_reset=None, surrogate=atan, '
        'alpha=2.0, detach_reset=True)'
    )


@pytest.mark.parametrize('neuron', [IF, LIF, partial(LIF, v_reset=None, detach_reset=True)])
@pytest.mark.parametrize('T', [1, 4])
def test_a_mask_leaves_gradients_where_it_fires(neuron, T):
    x = torch.randn(T * 30, 5, dtype=torch.float64) * 2
    found = {}
    for mask in (None, 'fired', 'fired_cut'):
        charge = x.clone().requires_grad_()
        spikes = neuron(T, grad_mask=mask)(charge)
        spikes.backward(torch.linspace(1, 2, x.numel(), dtype=x.dtype).view_as(x))
        found[mask] = spikes.detach(), charge.grad
    spikes, plain = found[None]
    assert all(torch.equal(one, spikes) for one, _ in found.values())
    silent = spikes == 0
    assert not found['fired_cut'][1][silent].any() and found['fired_cut'][1].any()
    assert bool(found['fired'][1][silent].any()) == (T > 1)  # through the membrane
    if T == 1:
        for mask in ('fired', 'fired_cut'):
            torch.testing.assert_close(found[mask][1], plain.masked_fill(silent, 0))


def test_a_mask_is_no_matter_of_the_weights():
    assert IF(grad_mask='fired').settings() == IF().settings()
    assert 'grad_mask=fired' in repr(LIF(grad_mask='fired'))
    with pytest.raises(ValueError, match="grad_mask must be None, 'fired'"):
        IF(grad_mask=True)
