"""The large family: sizes, maps, the form for inference, what looks at it."""

import pytest
import torch
from mmpretrain.registry import MODELS

from mmsfa.layers import RepConv
from mmsfa.layers.fold import fold
from mmsfa.neurons import SFA
from mmsfa.spiking import spike_inference
from mmsfa.spiking.measure.operations import OperationCounter

SMALL = dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 2), local_ratio=1.5)


def build(**kwargs):
    kwargs.setdefault('arch', SMALL)
    return MODELS.build(dict(type='ESpikeFormer', **kwargs))


def size(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ('arch', 'params', 'deployed'),
    [('83m', 83_015_952, 54_538_512), ('173m', 171_740_714, 114_896_426)],
)
def test_sizes_are_the_published_ones(arch, params, deployed):
    """As published: with layer scales and two heads of 1000 classes."""
    with torch.device('meta'):
        model = build(arch=arch, out_indices=(3,), layer_scale_init=1e-6)
        small = build(arch=arch, out_indices=(3,), layer_scale_init=1e-6, deploy=True)
    heads = 2 * 1000 * (model.out_channels[0] + 1)
    assert size(model) == params - heads
    assert size(small) == deployed - heads


def test_four_maps_for_dense_prediction():
    model = build(out_indices=(0, 1, 2, 3, 4))
    outs = model(torch.randn(2, 3, 64, 96))
    wanted = zip((8, 16, 24, 32, 32), (2, 4, 8, 16, 32), strict=True)
    assert [tuple(o.shape) for o in outs] == [(2, c, 64 // s, 96 // s) for c, s in wanted]
    assert model.out_strides == (2, 4, 8, 16, 32)
    sum(o.mean() for o in outs).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_neurons_are_those_of_the_large_family():
    neurons = [module for module in build().modules() if isinstance(module, SFA)]
    assert {(n.rounding, n.grad_range, n.D) for n in neurons} == {('half_up', 'open', 4)}


@pytest.fixture
def trained(lively_weights):
    return lively_weights(build(layer_scale_init=0.5)).double().eval()


def test_folding_changes_no_map(trained):
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    folded = fold(trained)
    assert all(isinstance(rep.conv, torch.nn.Conv2d) for rep in reps(folded))
    assert all(rep.conv1 is not None for rep in reps(trained))
    with torch.no_grad():
        for a, b in zip(trained(x), folded(x), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_deployed_checkpoint_loads_into_the_deployed_form(trained):
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        before = trained(x)
    trained.switch_to_deploy()
    trained.switch_to_deploy()  # a second call does nothing
    other = build(layer_scale_init=0.5, deploy=True).double().eval()
    other.load_state_dict(trained.state_dict(), strict=True)
    with torch.no_grad():
        for a, b in zip(before, other(x), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def reps(model):
    return [module for module in model.modules() if isinstance(module, RepConv)]


def test_spikes_give_the_same_maps_merged_or_not(trained):
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        want = trained(x)
        for model in (trained, fold(trained)):
            with spike_inference(model, 'spikes'):
                for a, b in zip(want, model(x), strict=True):
                    torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


def test_operations_are_those_of_the_merged_form(trained):
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    found = []
    for model in (trained, fold(trained)):
        counter = OperationCounter(model)
        counter.attach()
        with torch.no_grad():
            model(x)
        counter.detach()
        found.append(counter.layers())
    assert found[0] == found[1]
    analog = {name for name, layer in found[0].items() if layer.analog_macs}
    assert analog == {'downsample_layers.0.conv'}, 'only the first layer sees real values'


def test_layer_depth_is_the_published_one():
    model = build(arch='83m', out_indices=(3,))
    depths = {
        name: model.get_layer_depth(f'backbone.{name}', 'backbone.')
        for name, _ in model.named_parameters()
    }
    assert {depths[n] for n in depths if n.startswith('downsample_layers')} == {(0, 14)}
    assert depths['stages.2.1.conv2.conv.weight'] == (0, 14)
    assert depths['stages.3.0.mlp.fc1.conv.weight'] == (1, 14)
    assert depths['stages.3.11.mlp.fc1.conv.weight'] == (12, 14)
    assert model.get_layer_depth('head.fc.weight', 'backbone.') == (13, 14)


def test_layer_depth_of_the_base_family():
    model = build(arch='tiny')
    for name, depth in [
        ('downsample_layers.3.conv.weight', 0),
        ('stages.3.5.mlp.fc1.conv.weight', 6),
        ('downsample_layers.4.conv.weight', 7),
        ('stages.4.1.mlp.fc1.conv.weight', 8),
    ]:
        assert model.get_layer_depth(name) == (depth, 10)


def test_what_cannot_be_merged_stays():
    """A norm without statistics, or a convolution that does more than multiply."""
    for changes in (
        dict(norm_cfg=dict(type='GN', num_groups=4)),
        dict(norm_cfg=dict(type='BN', track_running_stats=False)),
        dict(conv_cfg=dict(type='ConvWS')),
    ):
        model = build(**changes).double().eval()
        x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
        with torch.no_grad():
            before = model(x)
            model.switch_to_deploy()
            assert all(torch.equal(a, b) for a, b in zip(before, model(x), strict=True))
        assert {p.dtype for p in model.parameters()} == {torch.float64}
        assert all('conv1' in dict(rep.named_children()) for rep in reps(model))


def test_deploy_with_another_convolution_is_refused():
    with pytest.raises(ValueError, match='merges ordinary convolutions only'):
        build(deploy=True, conv_cfg=dict(type='ConvWS'))


def test_attention_keeps_what_a_config_leaves_out():
    model = build(attn_cfg=dict(type='SpikeDrivenSelfAttention', order='quadratic'), deploy=True)
    products = [module for module in model.modules() if hasattr(module, 'order')]
    assert {(m.scale, m.order) for m in products if hasattr(m, 'scale')} == {(0.125, 'quadratic')}
    assert len(reps(model)) == 2 * 5 and all(hasattr(rep, 'conv') for rep in reps(model))


@pytest.mark.parametrize('stride', [1, 7])
def test_the_fifth_map_is_at_stride_32(stride):
    with pytest.raises(ValueError, match='not in the large family'):
        build(stage4_stride=stride)


def test_any_hidden_width_of_the_extra_branch():
    """A ratio that is no binary fraction must give back the width it came from."""
    model = build(
        arch=dict(family='large', channels=(8, 8, 56), depths=(1, 1, 1, 1), local_ratio=61 / 56)
    )
    assert model.stages[3][0].rep_conv.rep.conv1.conv.out_channels == 61
    with pytest.raises(ValueError, match='local_ratio .* > 0, got 0'):
        build(arch=dict(family='large', channels=(8, 8, 8), local_ratio=0))


@pytest.mark.slow
def test_checkpointing_compiles():
    model = build(with_cp=True).double()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    want = [p.grad for p in _trained(model, x)]
    torch._dynamo.reset()
    got = [p.grad for p in _trained(torch.compile(model, backend='aot_eager'), x)]
    torch.testing.assert_close(got, want)
    assert model.stages[3][0].mlp.fc1.bn.num_batches_tracked == 2


def _trained(model, x):
    model.zero_grad(set_to_none=True)
    sum(out.square().mean() for out in model(x)).backward()
    return list(model.parameters())
