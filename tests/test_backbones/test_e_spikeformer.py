"""The backbone: sizes, maps, freezing, precision, wrong arguments."""

import onnxruntime
import pytest
import torch
from mmpretrain.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.neurons import SFA

SMALL = dict(channels=(16, 16, 24, 32), depths=(1, 1, 1, 1, 1))


def build(**kwargs):
    kwargs.setdefault('arch', SMALL)
    return MODELS.build(dict(type='ESpikeFormer', **kwargs))


@pytest.mark.parametrize(
    ('arch', 'params'),
    [
        ('tiny', 2_573_048),
        ('5m', 4_912_608),
        ('10m', 9_782_112),
        ('19m', 18_626_504),
        ('30m', 29_067_920 - 441_000),  # published with a head of 1000 classes
        ('52m', 53_416_264 - 561_000),
    ],
)
def test_sizes_are_the_published_ones(arch, params):
    model = build(arch=arch)
    assert sum(p.numel() for p in model.parameters()) == params
    assert sum(isinstance(module, SFA) for module in model.modules()) == 104


@pytest.mark.parametrize('stage4_stride', [1, 2])
def test_five_maps_at_their_true_strides(stage4_stride):
    model = build(arch='tiny', out_indices=(0, 1, 2, 3, 4), stage4_stride=stage4_stride)
    outs = model(torch.randn(1, 3, 64, 96))
    strides = [2, 4, 8, 16, 16 * stage4_stride]
    channels = [12, 24, 48, 96, 128]
    assert [tuple(o.shape) for o in outs] == [
        (1, c, 64 // s, 96 // s) for c, s in zip(channels, strides, strict=True)
    ]


def test_a_range_names_maps_too():
    assert build(out_indices=range(1, 4)).out_indices == (1, 2, 3)


def test_stages_after_the_last_map_are_not_built():
    model = build(out_indices=(1, 2))
    assert len(model.stages) == 3
    assert len(model(torch.randn(1, 3, 32, 32))) == 2


def test_train_and_eval_mode_of_the_neurons_agree():
    model = build(norm_eval=True)
    x = torch.randn(1, 3, 48, 64)
    for a, b in zip(model.train()(x), model.eval()(x), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize('out_norm', [False, True])
def test_the_shortcuts_of_inference_change_nothing(out_norm):
    """BN is folded, neurons overwrite, the layout differs: the same counts and maps."""
    model = build(norm_cfg=dict(type='BN', momentum=1.0), out_norm=out_norm).double()
    x = torch.randn(2, 3, 48, 64, dtype=torch.float64)
    model(x)  # sets the running statistics
    model.eval()
    counts = {True: [], False: []}
    for neuron in (module for module in model.modules() if isinstance(module, SFA)):
        neuron.register_forward_hook(lambda *args: counts[torch.is_grad_enabled()].append(args[2]))
    with_gradients, before = model(x), x.clone()
    with torch.no_grad():
        plain = model(x)
    assert torch.equal(x, before)
    assert len(counts[True]) == len(counts[False]) > 30
    assert all(torch.equal(a, b) for a, b in zip(counts[True], counts[False], strict=True))
    assert sum(c.any().item() for c in counts[True]) > 30
    for a, b in zip(with_gradients, plain, strict=True):
        assert b.is_contiguous()
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_frozen_stages_and_norm_eval():
    model = build(frozen_stages=1, norm_eval=True).train()
    for i, parts in enumerate(zip(model.downsample_layers, model.stages, strict=True)):
        for part in parts:
            assert all(p.requires_grad == (i > 1) for p in part.parameters())
            assert part.training == (i > 1)
    assert not any(m.training for m in model.modules() if isinstance(m, _BatchNorm))
    sum(o.mean() for o in model(torch.randn(1, 3, 32, 32))).backward()


def test_drop_path_grows_over_the_transformer_blocks():
    model = build(arch='tiny', drop_path_rate=0.7)
    rates = [getattr(b.drop_path, 'drop_prob', 0.0) for s in model.stages[3:] for b in s]
    torch.testing.assert_close(rates, [0.1 * i for i in range(8)])


@pytest.mark.parametrize('out_norm', [False, True])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_trains(dtype, out_norm):
    model = build(out_norm=out_norm)
    with torch.autocast('cpu', dtype=dtype):
        outs = model(torch.randn(1, 3, 32, 32))
    sum(o.float().square().mean() for o in outs).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_checkpointing_changes_no_output():
    plain, checkpointed = build().double(), build(with_cp=True).double()
    checkpointed.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    for a, b in zip(plain(x), checkpointed(x), strict=True):
        assert torch.equal(a, b)


def test_time_folded_into_the_batch_axis():
    """The samples of a batch keep their own membranes: together or alone makes no difference."""
    T, B = 2, 3
    model = build(neuron_cfg=dict(type='mmpretrain.SFA', T=T)).double().eval()
    x = 3 * torch.randn(T, B, 3, 32, 32, dtype=torch.float64)
    together = [out.unflatten(0, (T, B)) for out in model(x.flatten(0, 1))]
    for sample in range(B):
        for out, alone in zip(together, model(x[:, sample]), strict=True):
            torch.testing.assert_close(out[:, sample], alone, rtol=0, atol=1e-12)
    # and the second step remembers the first
    assert not torch.allclose(model(x[:, 0])[0][1], model(x[:, 0].flip(0))[0][0])


def test_ann_twin():
    model = build(neuron_cfg=dict(type='ReLU'))
    assert not any(isinstance(module, SFA) for module in model.modules())
    assert all(o.isfinite().all() for o in model(torch.randn(1, 3, 32, 32)))


def test_attention_is_a_config():
    model = build(attn_cfg=dict(type='mmpretrain.SpikeDrivenSelfAttention', order='quadratic'))
    orders = [m.product.order for m in model.modules() if isinstance(m, SpikeDrivenSelfAttention)]
    assert orders == ['quadratic', 'quadratic']


@pytest.mark.slow
@pytest.mark.parametrize('out_norm', [False, True])
def test_compiles_without_graph_breaks_and_trains(out_norm):
    few = dict(channels=(8, 16, 16, 24), depths=(1, 0, 1, 1, 0))
    model = build(arch=few, out_indices=(3,), out_norm=out_norm).double()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    grads = []
    for forward in (model, compiled):
        out = forward(x)[0]
        grads.append((out, *torch.autograd.grad(out.square().mean(), list(model.parameters()))))
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.slow
def test_onnx_has_a_free_size(make_exact, tmp_path):
    few = dict(channels=(8, 16, 16, 24), depths=(1, 0, 1, 1, 0))
    model = make_exact(build(arch=few, out_indices=(1, 3))).eval()
    free = {0: torch.export.Dim('batch'), 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    path = tmp_path / 'backbone.onnx'
    torch.onnx.export(
        model,
        (torch.randn(2, 3, 64, 96),),
        path,
        dynamic_shapes=(free,),
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path)
    for size in ((2, 3, 64, 96), (1, 3, 96, 160)):
        x = torch.randn(size).mul(16).round().div(8)
        outs = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            for ours, exported in zip(model(x), outs, strict=True):
                torch.testing.assert_close(ours, torch.from_numpy(exported))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(arch='20m'), "arch must be one of .*'19m'.* got '20m'"),
        (dict(arch=5), 'arch must be a name or a dict .* got 5'),
        (dict(arch=dict(dims=(1, 2))), "must have the key 'channels'"),
        (dict(arch=dict(channels=(16, 16, 24, 32), depths=(1, 2))), 'blocks of 5 stages'),
        (dict(out_indices=(5,)), r'out_indices must name different maps of 0\.\.4'),
        (dict(out_indices=4), r'out_indices must name different maps of .* got 4'),
        (dict(out_indices='12'), r"out_indices must name different maps of .* got '12'"),
        (dict(out_indices=()), 'out_indices must name different maps'),
        (dict(out_indices=(4, 1, 1)), 'out_indices must name different maps'),
        (dict(drop_path_rate=1.0), r'drop_path_rate .* must lie in \[0, 1\), got 1\.0'),
        (dict(frozen_stages=2.5), r'frozen_stages must lie in .* got 2\.5'),
        (dict(frozen_stages=5), r'frozen_stages must lie in -1\.\.4'),
        (dict(T=0), 'T .* must be an integer >= 1, got 0'),
        (dict(out_time='sum'), "out_time must be 'mean' or 'batch', got 'sum'"),
        (dict(T=2, neuron_cfg=dict(type='SFA', T=4)), 'T=2, got .*leave T out'),
        (dict(arch=dict(family='huge')), "must be 'base' or 'large', got 'huge'"),
        (dict(arch=dict(family='large', channels=(8, 8, 8, 8))), '3 numbers from C0 on'),
        (dict(stage4_stride=4), 'stage4_stride must be 1 .* or 2'),
        (dict(arch=dict(channels=(16, 16, 20, 32))), 'multiple of num_heads=8, got 20'),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg'])
def test_other_libraries_need_the_prefix(scope):
    registry = __import__(f'{scope}.registry', fromlist=['MODELS']).MODELS
    assert registry.build(dict(type='mmpretrain.ESpikeFormer', arch=SMALL))
    with pytest.raises(KeyError, match='ESpikeFormer is not in the'):
        registry.build(dict(type='ESpikeFormer', arch=SMALL))


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_a_step_on_a_gpu(dtype):
    model = build().cuda()
    with torch.autocast('cuda', dtype, enabled=dtype != torch.float32):
        sum(out.float().mean() for out in model(torch.randn(2, 3, 64, 96).cuda())).backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert any(g.any() for g in gradients)
