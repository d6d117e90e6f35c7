"""Float graphs: they compute what PyTorch computes, at every size, and take its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import export_model, export_module, save
from mmsfa.export.onnx.runtime import Session
from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.layers import SpikeDrivenSelfAttention

OUTPUTS = {
    'detector': [f'map_{i}' for i in range(4)]
    + [f'head_{what}_{i}' for what in range(2) for i in range(4)],
    'one-stage detector': [f'head_{what}_{i}' for what in range(2) for i in range(5)],
    'segmentor': ['scores'],
    'classifier': ['scores'],
    'strict classifier': ['scores'],
    'large classifier': ['scores'],
}


@pytest.mark.parametrize('kind', OUTPUTS)
@pytest.mark.parametrize('size', [(1, 3, 64, 128), (3, 3, 128, 64)])
@torch.no_grad()
def test_free_sizes(exported: Callable, kind: str, size: tuple[int, ...]) -> None:
    model, session = exported(kind).model, Session(exported(kind).graph)
    image = torch.randint(-16, 17, size) / 8
    expected = TensorPart(model)(image)
    outputs = session(image)
    assert list(session.names) == OUTPUTS[kind]
    for ours, theirs in zip(outputs, expected, strict=True):
        assert theirs.unique().numel() > 3
        if kind == 'segmentor':  # windows of three: averages are rounded, which may flip a count
            assert torch.isclose(ours, theirs, atol=1e-4).float().mean() > 0.9
        elif kind == 'classifier':  # mean potentials have too many bits for exact sums
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(ours, theirs)


def test_sizes_that_no_stride_divides(exported: Callable) -> None:
    model, graph = exported('detector')[1:]
    image = torch.randint(-16, 17, (2, 3, 75, 101)) / 8
    with torch.no_grad():
        expected = TensorPart(model)(image)
    for ours, theirs in zip(Session(graph)(image), expected, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize('size', [(8, 10), (4, 20), (12, 6)])
@torch.no_grad()
def test_attention_counts_the_tokens_of_each_picture(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    module = SpikeDrivenSelfAttention(
        16,
        num_heads=2,
        token_norm=20,
        conv_cfg=None,
        norm_cfg=dict(type='BN'),
        neuron_cfg=dict(type='ReLU'),  # a step of rounding flips no count
    ).eval()
    x = torch.randn(2, 16, *size)
    (ours,) = Session(export_module(module, (2, 16, 8, 10)))(x)
    torch.testing.assert_close(ours, module(x), rtol=1e-5, atol=1e-6)
    module.product.token_norm = 2 * 20
    assert not torch.allclose(ours, module(x), rtol=1e-2, atol=1e-2)


def test_the_file_stands_alone(exported: Callable, tmp_path: Path) -> None:
    file = tmp_path / 'new' / 'model.onnx'
    save(exported('detector').graph, file)
    model = onnx.load(file)
    onnx.checker.check_model(model)
    (image,) = model.graph.input
    sizes = [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim]
    assert sizes == ['batch', 3, 'height', 'width']
    assert list(file.parent.iterdir()) == [file]
    assert b'site-packages' not in file.read_bytes(), 'paths of the machine that made it'


@pytest.mark.parametrize('kind', ['detector', 'detector with an RPN on potentials'])
def test_neurons_that_read_one_map_fire_once(exported: Callable, kind: str) -> None:
    model, graph = exported(kind)[1:]
    fired = Counter(node.op_type for node in graph.graph)['Round']
    part = nn.ModuleList([model.backbone, model.neck, model.rpn_head])
    levels = 4
    of_rpn = sum(type(m).__name__ == 'SFA' for m in model.rpn_head.modules())
    assert of_rpn == (3 if kind == 'detector' else 1)
    # The RPN runs on each level, and there rpn_cls and rpn_reg share what they read.
    neurons = sum(type(m).__name__ == 'SFA' for m in part.modules()) + of_rpn * (levels - 1)
    shared = levels if kind == 'detector' else 0
    assert fired == neurons - shared - 3  # laterals and downsampling read the same three maps


@pytest.mark.slow
def test_event_tensors(make_exact: Callable) -> None:
    arch = dict(channels=(8, 16, 16, 24), depths=(1, 0, 0, 1, 0))
    cfg = dict(type='mmpretrain.ESpikeFormer', arch=arch, T=2, in_channels=2, out_indices=(3,))
    backbone = make_exact(MODELS.build(cfg)).eval()
    (out,) = Session(export_module(backbone))(events := torch.rand(2, 2 * 2, 64, 96).round())
    with torch.no_grad():
        (expected,) = backbone(events)
    torch.testing.assert_close(out, expected)


@pytest.mark.slow
def test_a_still_picture_is_shown_in_each_time_step(make_exact: Callable) -> None:
    init_default_scope('mmpretrain')
    neuron = dict(type='mmpretrain.LIF', state_quant=dict(type='UniformState', bits=4))
    backbone = dict(type='SpikingVGG', plan=(8, 'M', 12), neuron_cfg=neuron, T=2)
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(backbone, out_indices=(-1,)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=12),
    )
    model = make_exact(MODELS.build(cfg)).eval()
    picture = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = model(picture)
    session = Session(export_model(model, channels=3))
    torch.testing.assert_close(session(picture)[0], expected)


def test_what_cannot_be_exported(small_config: Callable) -> None:
    model = build_model(small_config('classifier'))
    with pytest.raises(ValueError, match='evaluation mode'):
        export_model(model.train())
    with pytest.raises(OptionError, match='with extract_feat and one of .* got ESpikeFormer'):
        export_model(model.backbone)
    model.eval().head = nn.ModuleList([model.head, model.head])
    with pytest.raises(OptionError, match='a cascade of 2 in ImageClassifier'):
        export_model(model)
