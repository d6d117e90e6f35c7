"""Which layers of the mm heads are read-outs: by name, and by where their outputs go."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import nn

from mmsfa.layers import make_spike_driven, readout_layers

ANCHORS = dict(
    type='mmdet.AnchorGenerator', octave_base_scale=4, scales_per_octave=1, ratios=[1.0],
    strides=[8, 16],
)  # fmt: skip
POINTS = dict(type='mmdet.MlvlPointGenerator', strides=[8, 16])
TWO_LEVELS = dict(
    num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1, norm_cfg=dict(type='BN')
)  # fmt: skip
SEG = dict(in_channels=8, channels=8, num_classes=4, norm_cfg=dict(type='BN'))

# head of mmdet, mmseg or mmpretrain -> its read-outs
HEADS = {
    'mmdet.Shared2FCBBoxHead': (
        dict(in_channels=8, fc_out_channels=8, num_classes=3), ['fc_cls', 'fc_reg']),
    'mmdet.Shared4Conv1FCBBoxHead': (
        dict(in_channels=8, conv_out_channels=8, fc_out_channels=8, num_classes=3),
        ['fc_cls', 'fc_reg']),
    'mmdet.RPNHead': (dict(in_channels=8, feat_channels=8), ['rpn_cls', 'rpn_reg']),
    'mmdet.FCNMaskHead': (
        dict(in_channels=8, conv_out_channels=8, num_convs=1, num_classes=3), ['conv_logits']),
    'mmdet.RetinaHead': (
        dict(TWO_LEVELS, anchor_generator=ANCHORS), ['retina_cls', 'retina_reg']),
    'mmdet.FCOSHead': (
        dict(TWO_LEVELS, strides=[8, 16]), ['conv_cls', 'conv_reg', 'conv_centerness']),
    'mmdet.ATSSHead': (
        dict(TWO_LEVELS, anchor_generator=ANCHORS), ['atss_cls', 'atss_reg', 'atss_centerness']),
    'mmdet.GFLHead': (dict(TWO_LEVELS, anchor_generator=ANCHORS), ['gfl_cls', 'gfl_reg']),
    'mmdet.CenterNetHead': (
        dict(in_channels=8, feat_channels=8, num_classes=3),
        ['heatmap_head.2', 'wh_head.2', 'offset_head.2']),
    'mmdet.YOLOXHead': (
        dict(num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1, strides=(8, 16)),
        [f'multi_level_conv_{kind}.{level}' for kind in ('cls', 'reg', 'obj') for level in (0, 1)]),
    'mmdet.YOLOV3Head': (
        dict(num_classes=3, in_channels=[8, 8, 8], out_channels=[8, 8, 8]),
        ['convs_pred.0', 'convs_pred.1', 'convs_pred.2']),
    'mmdet.SOLOV2Head': (
        dict(TWO_LEVELS, strides=(8, 16), scale_ranges=((1, 96), (48, 192)), num_grids=[4, 2],
             cls_down_index=0, mask_feature_head=dict(
                 feat_channels=8, start_level=0, end_level=1, out_channels=8, mask_stride=4)),
        ['conv_cls', 'conv_kernel']),
    'mmdet.MaskIoUHead': (
        dict(num_convs=1, num_fcs=1, roi_feat_size=14, in_channels=8, conv_out_channels=8,
             fc_out_channels=8, num_classes=3), ['fc_mask_iou']),
    'mmseg.UPerHead': (
        dict(SEG, in_channels=[8, 8], in_index=[0, 1]), ['conv_seg']),
    'mmseg.FCNHead': (SEG, ['conv_seg']),
    'mmseg.DAHead': (dict(SEG, pam_channels=4), ['conv_seg', 'pam_conv_seg', 'cam_conv_seg']),
    'mmseg.PointHead': (
        dict(SEG, in_channels=[8], in_index=[0], num_fcs=1), ['fc_seg']),
    'mmpretrain.LinearClsHead': (dict(num_classes=3, in_channels=8), ['fc']),
    'mmpretrain.StackedLinearClsHead': (
        dict(num_classes=3, in_channels=8, mid_channels=[6]), ['layers.1.fc']),
    'mmpretrain.DeiTClsHead': (
        dict(num_classes=3, in_channels=8), ['layers.head', 'layers.head_dist']),
    'mmdet.FPN': (dict(in_channels=[8, 8], out_channels=8, num_outs=2), []),
}  # fmt: skip


def build(name: str, cfg: dict) -> nn.Module:
    library, kind = name.split('.')
    importlib.import_module(f'{library}.models')
    return importlib.import_module(f'{library}.registry').MODELS.build(dict(cfg, type=kind))


@pytest.mark.parametrize('name', HEADS)
def test_readouts_are_known_by_name(name):
    cfg, expected = HEADS[name]
    head = build(name, cfg)
    found = readout_layers(head)
    known = set(dict(head.named_modules()))
    assert sorted(found) == sorted(expected) and set(found) <= known


INPUTS = {
    'mmdet.Shared2FCBBoxHead': lambda: torch.randn(3, 8, 7, 7),
    'mmdet.Shared4Conv1FCBBoxHead': lambda: torch.randn(3, 8, 7, 7),
    'mmdet.RPNHead': lambda: [torch.randn(1, 8, 8, 8)],
    'mmdet.FCNMaskHead': lambda: torch.randn(3, 8, 14, 14),
    'mmdet.RetinaHead': lambda: [torch.randn(1, 8, 8, 8)],
    'mmdet.FCOSHead': lambda: [torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)],
    'mmdet.ATSSHead': lambda: [torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)],
    'mmdet.GFLHead': lambda: [torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)],
    'mmdet.CenterNetHead': lambda: [torch.randn(1, 8, 8, 8)],
    'mmdet.YOLOXHead': lambda: [torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)],
    'mmseg.UPerHead': lambda: [torch.randn(2, 8, 16, 16), torch.randn(2, 8, 8, 8)],
    'mmseg.FCNHead': lambda: [torch.randn(2, 8, 16, 16)],
    'mmpretrain.LinearClsHead': lambda: (torch.randn(2, 8),),
    'mmpretrain.StackedLinearClsHead': lambda: (torch.randn(2, 8),),
}


@pytest.mark.parametrize('name', INPUTS)
def test_no_layer_follows_a_readout_and_every_other_layer_has_one_behind_it(name):
    """Followed backwards from the outputs of the head to the first layers that one meets."""
    head = build(name, HEADS[name][0])
    made = {}
    for path, layer in head.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            layer.register_forward_hook(
                lambda _layer, _args, output, path=path: made.update({output.grad_fn: path})
            )
    waiting = list(_tensors(head(INPUTS[name]())))
    last, seen = set(), set()
    nodes = [tensor.grad_fn for tensor in waiting]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node in made:
            last.add(made[node])
        else:
            nodes += [following for following, _ in node.next_functions]
    assert last == set(readout_layers(head))


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def test_readouts_read_potentials_by_default_and_spikes_where_asked():
    cfg, _ = HEADS['mmdet.Shared2FCBBoxHead']
    for analog, spiking in ((None, False), ((), True)):
        head = build('mmdet.Shared2FCBBoxHead', cfg)
        make_spike_driven(head, dict(type='mmpretrain.SFA'), analog)
        assert hasattr(head.fc_cls, 'neuron') is hasattr(head.fc_reg, 'neuron') is spiking
        assert all(hasattr(layer, 'neuron') for layer in head.shared_fcs)
