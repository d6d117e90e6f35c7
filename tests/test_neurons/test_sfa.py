"""The neuron as a module: registry, memory, precision, compiler and export."""

import onnxruntime
import pytest
import torch
from mmcv.cnn import ConvModule, build_activation_layer
from mmengine.registry import DefaultScope
from torch import nn

from mmsfa.neurons import SFA, SpikingNeuron
from mmsfa.neurons.functional import integer_fire


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_every_library_can_build_it(scope):
    with DefaultScope.overwrite_default_scope(scope):
        neuron = build_activation_layer(dict(type='mmpretrain.SFA', D=2))
    assert isinstance(neuron, SpikingNeuron)
    assert (neuron.D, neuron.norm) == (2, 2)


def test_conv_module_is_the_spiking_brick():
    brick = ConvModule(3, 8, 3, order=('act', 'conv', 'norm'), act_cfg=dict(type='mmpretrain.SFA'))
    x = torch.randn(2, 3, 8, 8) * 2
    before = x.clone()
    assert torch.equal(brick(x), brick.conv(integer_fire(before)))
    assert torch.equal(x, before), 'ConvModule asks for inplace, the neuron must not comply'


def test_train_equals_eval():
    neuron, x = SFA(), torch.randn(100) * 3
    assert torch.equal(neuron.train()(x.requires_grad_()), neuron.eval()(x))


def test_gradient_flows_in_eval_mode():
    x = torch.rand(10, requires_grad=True)
    SFA().eval()(x).sum().backward()
    assert (x.grad == 0.25).all()


@pytest.mark.parametrize(
    'settings', [dict(), dict(norm=1), dict(grad_range='open'), dict(grad_mask='fired')]
)
@pytest.mark.parametrize('T', [1, 4])
def test_backward_keeps_one_byte_per_element(settings, T):
    x = torch.randn(8, 1000, requires_grad=True)
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        SFA(T=T, **settings)(x)
    assert sum(t.nbytes for t in kept) == x.numel()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_fires_the_same_integers(dtype):
    x = (torch.randn(1000) * 3).to(dtype)
    assert torch.equal(SFA()(x).float(), SFA()(x.float()))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), SFA(), nn.Conv2d(4, 4, 3), SFA(norm=1))
    with torch.autocast('cpu', dtype=dtype):
        out = net(torch.randn(1, 3, 9, 9))
    assert out.dtype == dtype
    assert torch.equal(out, out.round())
    out.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
@pytest.mark.parametrize('T', [1, 2])
def test_compiles_without_graph_breaks(T, backend):
    neuron = SFA(T=T, grad_mask='fired')
    compiled = torch.compile(neuron, fullgraph=True, backend=backend)
    x = torch.randn(4, 5, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    assert torch.equal(neuron(x), compiled(y))
    neuron(x).sum().backward()
    compiled(y).sum().backward()
    assert torch.equal(x.grad, y.grad)


@pytest.mark.slow
@pytest.mark.parametrize('rounding', ['half_even', 'half_up'])
@pytest.mark.parametrize('T', [1, 2])
def test_onnx_fires_the_same_integers(tmp_path, rounding, T):
    neuron = SFA(rounding=rounding, T=T)
    x = torch.cat([torch.arange(-1, 6, 0.25), torch.randn(100)]).view(-1, 2, 2)
    path = tmp_path / 'sfa.onnx'
    torch.onnx.export(neuron, (x.requires_grad_(),), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path)
    (fired,) = session.run(None, {session.get_inputs()[0].name: x.detach().numpy()})
    assert torch.equal(torch.from_numpy(fired), neuron(x).detach())


@pytest.mark.parametrize(
    ('settings', 'message'),
    [(dict(D=0), 'D .* must'), (dict(T=0), 'T .* must'), (dict(beta=2), 'beta .* must')],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SFA(**settings)


def learned(log_scale=0.0, **settings):
    neuron = SFA(scale='learned', **settings)
    nn.init.constant_(neuron.log_scale, log_scale)
    return neuron


@pytest.mark.parametrize('T', [1, 3])
def test_a_learned_scale_begins_as_none(T):
    x = 2 * torch.randn(6, 5, 4)
    assert torch.equal(learned(T=T)(x), SFA(T=T)(x))
    assert list(SFA().state_dict()) == [] and list(learned().state_dict()) == ['log_scale']


@pytest.mark.parametrize('T', [1, 3])
def test_a_learned_scale_divides_the_potential(T):
    x, neuron = 6 * torch.randn(6, 5, 4, dtype=torch.float64), learned(0.7, T=T).double().eval()
    gain = (-neuron.log_scale).exp().detach()
    assert torch.equal(neuron(x), SFA(T=T)(x * gain))
    assert torch.equal(neuron.spikes_of(neuron(x)).sum(0), neuron.counts_of(neuron(x)))
    membrane, steps = None, []
    for current in x.unflatten(0, (T, -1)).unbind():
        fired, membrane = neuron.fire_one_step(current, membrane)
        steps.append(fired)
    assert torch.equal(torch.cat(steps), neuron(x))


def test_the_gradient_of_a_learned_scale():
    x, neuron = 3 * torch.randn(1000, dtype=torch.float64), learned(0.3).double()
    upstream = torch.randn_like(x)
    (neuron(x) * upstream).sum().backward()
    levels = x * (-neuron.log_scale.detach()).exp()
    inside = (levels >= 0) & (levels <= 4)
    expected = -(upstream * levels * inside).sum() / 4
    torch.testing.assert_close(neuron.log_scale.grad, expected)


def test_weights_tell_a_learned_scale():
    assert learned().settings()['scale'] == 'learned' and 'scale' not in SFA().settings()
    with pytest.raises(RuntimeError, match='log_scale'), pytest.warns(UserWarning, match='scale='):
        learned().load_state_dict(SFA().state_dict())


def test_print_shows_the_settings():
    assert repr(SFA(D=8)) == 'SFA(D=8, norm=8, rounding=half_even, grad_range=closed)'
    assert 'T=2, beta=0.5' in repr(SFA(T=2, beta=0.5))


def test_the_old_name_of_the_gradients_range_still_works():
    with pytest.warns(DeprecationWarning, match='now grad_range'):
        assert SFA(surrogate='open').grad_range == 'open'


def test_a_mask_is_no_matter_of_the_weights():
    assert SFA(grad_mask='fired').settings() == SFA().settings()
    assert repr(SFA(grad_mask='fired')).endswith('grad_mask=fired)')
    with pytest.raises(ValueError, match="grad_mask must be None, 'fired'"):
        SFA(grad_mask='all')


def test_a_mask_and_a_learned_scale():
    x = torch.randn(1000, dtype=torch.float64).mul_(3).requires_grad_()
    neuron = learned(0.3, grad_mask='fired').double()
    fired = neuron(x)
    fired.sum().backward()
    assert not x.grad[fired == 0].any() and x.grad.any() and neuron.log_scale.grad


@pytest.mark.gpu
@pytest.mark.parametrize('T', [1, 4])
def test_a_gpu_fires_and_learns_as_a_cpu_does(T):
    x = torch.randn(8, 1000) * 3
    results = []
    for device in ('cpu', 'cuda'):
        charge = x.to(device).requires_grad_()
        fired = SFA(T=T)(charge)
        fired.square().sum().backward()
        results.append((fired.cpu(), charge.grad.cpu()))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])
