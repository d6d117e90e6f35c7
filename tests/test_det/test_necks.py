"""The feature pyramid of detectors: where it fires, and how far its neurons count."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

import mmsfa.det  # noqa: F401
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import integer_fire

SETTINGS = dict(in_channels=[4, 8], out_channels=6, num_outs=3)


def neck_of(D: int = 4, **options) -> nn.Module:
    torch.manual_seed(0)
    neuron = dict(type='mmpretrain.SFA', D=D, norm=1)
    neck = MODELS.build(dict(type='SpikeFPN', neuron_cfg=neuron, **SETTINGS, **options))
    neck.init_weights()
    return neck


def levels(neck: nn.Module) -> set[int]:
    return {neuron.D for neuron in neck.modules() if isinstance(neuron, SpikingNeuron)}


@pytest.fixture
def maps() -> list[Tensor]:
    """Potentials with counts up to 4 and beyond."""
    return [torch.randn(1, 4, 8, 8) * 4, torch.randn(1, 8, 4, 4) * 4]


def test_every_convolution_gets_counts(maps: list[Tensor]) -> None:
    neck, given = neck_of(), {}
    convs = {name: m for name, m in neck.named_modules() if isinstance(m, nn.Conv2d)}
    for name, conv in convs.items():
        conv.neuron.register_forward_hook(
            lambda _, inputs, out, name=name: given.update({name: (inputs[0], out)})
        )
    outs = neck(maps)
    assert set(given) == set(convs) and len(convs) == 4
    assert all(torch.equal(out, integer_fire(x, 4, 1)) for x, out in given.values())
    assert torch.equal(given['lateral_convs.0.conv'][0], maps[0])
    assert [out.shape[-1] for out in outs] == [8, 4, 2]
    assert not torch.equal(outs[0], outs[0].round())  # potentials


def test_parameters_have_the_names_of_mmdet() -> None:
    ordinary = MODELS.build(dict(type='FPN', **SETTINGS))
    assert list(neck_of().state_dict()) == list(ordinary.state_dict())


def test_the_published_clip_holds_in_evaluation_alone(maps: list[Tensor]) -> None:
    neck = neck_of(legacy_eval_clip=True)
    assert levels(neck) == {4}
    assert neck.eval() is neck and levels(neck) == {1}
    clipped = neck_of(D=1).eval()
    for published, expected in zip(neck(maps), clipped(maps), strict=True):
        assert torch.equal(published, expected)
    assert levels(neck.train()) == {4}
    for trained, expected in zip(neck(maps), neck_of().train()(maps), strict=True):
        assert torch.equal(trained, expected)


def test_evaluation_counts_as_training_does_by_default(maps: list[Tensor]) -> None:
    neck = neck_of()
    trained = neck.train()(maps)
    assert levels(neck.eval()) == {4}
    assert all(torch.equal(a, b) for a, b in zip(trained, neck(maps), strict=True))


def test_the_neck_and_head_of_yolov3_fire_in_place_of_leaky_relus() -> None:
    neuron = dict(type='mmpretrain.SFA', D=4, norm=1)
    sizes = dict(in_channels=[8, 6], out_channels=[6, 4])
    neck_cfg = dict(type='YOLOV3Neck', num_scales=2, **sizes)
    head_cfg = dict(
        type='YOLOV3Head',
        num_classes=3,
        in_channels=[6, 4],
        out_channels=[12, 8],
        anchor_generator=dict(
            type='YOLOAnchorGenerator', base_sizes=[[(8, 8)], [(4, 4)]], strides=[16, 8]
        ),
        featmap_strides=[16, 8],
    )
    parts = []
    for cfg in (neck_cfg, head_cfg):
        part = MODELS.build(dict(cfg, type=f'Spike{cfg["type"]}', neuron_cfg=neuron)).eval()
        assert list(part.state_dict()) == list(MODELS.build(cfg).state_dict())
        assert not any('ReLU' in type(m).__name__ for m in part.modules())
        convs = {name: m for name, m in part.named_modules() if isinstance(m, nn.Conv2d)}
        without = {name for name, conv in convs.items() if not hasattr(conv, 'neuron')}
        assert without == {name for name in convs if name.startswith('convs_pred')}
        parts.append(part)
    neck, head = parts
    (scores,) = head(neck([torch.randn(1, 6, 8, 8) * 4, torch.randn(1, 8, 4, 4) * 4]))
    assert [tuple(one.shape) for one in scores] == [(1, 8, 4, 4), (1, 8, 8, 8)]
