"""What a published checkpoint is: told from names and shapes, never from the name of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmsfa.backbones.arch import SETTINGS, Arch

from .foreign import ConversionError

_BASE_NEURON = dict(type='mmpretrain.SFA', D=4)
_LARGE_NEURON = dict(type='mmpretrain.SFA', D=4, rounding='half_up', grad_range='open')
# The published event-camera model: 8 time steps, spikes left undivided, nothing kept in between.
_EVENT_TIME = 8
_EVENT_NEURON = dict(type='mmpretrain.SFA', D=4, norm=1, beta=0)
_ADVICE = {
    'Mask R-CNN': (
        'The published detector has other strides, and counts that its neck clips at 1 in '
        'evaluation: both in configs/det/mask_rcnn_esf_legacy_strides.py.'
    ),
    'Cascade Mask R-CNN': (
        'The published detector differs from configs/det/cascade_mask_rcnn_esf.py in what '
        'mask_rcnn_esf_legacy_strides.py sets: the strides 4, 8, 16, 32, 64, and counts that its '
        'neck clips at 1 in evaluation.'
    ),
    'segmentor': (
        'The published decoder has a neuron in front of its last layer '
        '(model.decode_head.analog=()), as in configs/seg/fpn_esf.py.'
    ),
    'large': (
        'Weights do not tell the number of levels: a model of 1 x 8 needs D=8 in the neuron_cfg of '
        'backbone and head (configs/cls/..._D8.py).'
    ),
    'event': (
        'The published 19M model leaves its counts undivided (norm=1); the other event-camera '
        'models divide them by 8.'
    ),
}


@dataclass(frozen=True)
class Layout:
    """A recognised checkpoint.

    Attributes:
        title: What it is, in words.
        backbone: Config of the backbone, ``model.backbone``.
        head: Config of the classification head, ``model.head``; None for everything else.
        advice: What else a config needs to compute what was published; None is nothing.
    """

    title: str
    backbone: dict[str, Any]
    head: dict[str, Any] | None = None
    advice: str | None = None


def recognise(state_dict: dict[str, Tensor]) -> Layout:
    """Tell what a converted state dict belongs to.

    Args:
        state_dict: What :func:`convert` gives.

    Raises:
        ConversionError: Parts of the backbone are missing.
    """
    arch = arch_of(state_dict)
    large = any('.attn.q_conv.rep.' in name for name in state_dict)
    title, out_indices = _task(state_dict, 3 if large else 4)
    backbone: dict[str, Any] = dict(
        type='mmpretrain.ESpikeFormer', arch=arch, out_indices=out_indices
    )
    in_channels = state_dict['backbone.downsample_layers.0.conv.weight'].shape[1]
    if in_channels != 3:
        backbone['in_channels'] = in_channels
    if any('.layer_scales.' in name for name in state_dict):
        backbone['layer_scale_init'] = 1e-6
    is_event_model = in_channels == 2 and 'head.fc.weight' in state_dict
    if is_event_model:
        title = f'event-camera classifier (T={_EVENT_TIME} as published)'
        backbone.update(T=_EVENT_TIME, out_time='batch')
    kind = 'event' if is_event_model else 'large' if large and 'classifier' in title else title
    neuron = dict(_EVENT_NEURON, norm=1 if arch == '19m' else 8)
    if is_event_model:
        backbone['neuron_cfg'] = neuron
    head = _head(state_dict, large, neuron if is_event_model else None)
    return Layout(title, backbone, head, _ADVICE.get(kind))


def _task(state_dict: dict[str, Tensor], last: int) -> tuple[str, tuple[int, ...]]:
    """Title and ``out_indices``."""
    dense = (1, 2, 3, 4)
    # the first one whose names occur
    tasks = {
        r'neck\.decoder_': ('masked pre-training', (last,)),
        r'decode_head\.': ('segmentor', (0, 1, 2, 4)),
        r'roi_head\.bbox_head\.\d\.': ('Cascade Mask R-CNN', dense),
        r'roi_head\.': ('Mask R-CNN', dense),
        r'head\.fc_kd\.': ('distilled image classifier (two heads)', (last,)),
        r'head\.fc\.': ('image classifier', (last,)),
    }
    for pattern, found in tasks.items():
        if any(re.match(pattern, name) for name in state_dict):
            return found
    # The large family's fifth map, from a layer that is not published, stays out.
    return 'backbone', dense[:last]


def _head(
    state_dict: dict[str, Tensor], large: bool, event_neuron: dict[str, Any] | None
) -> dict[str, Any] | None:
    if 'head.fc.weight' not in state_dict:
        return None
    num_classes, in_channels = state_dict['head.fc.weight'].shape
    sizes = dict(num_classes=num_classes, in_channels=in_channels)
    if event_neuron:
        settings = dict(T=_EVENT_TIME, neuron_cfg=event_neuron, analog=())
        return dict(type='SpikeTemporalClsHead', **sizes, **settings)
    neuron = dict(_LARGE_NEURON if large else _BASE_NEURON, norm=1)
    kind = 'SpikeLinearClsHead'
    if 'head.fc_kd.weight' in state_dict:
        kind = 'SpikeDistilledLinearClsHead'
    # Published: a neuron in front of each head but the first of the large models.
    return dict(type=kind, **sizes, neuron_cfg=neuron, analog=('fc',) if large else ())


def arch_of(state_dict: dict[str, Tensor]) -> str | dict[str, Any]:
    """The argument ``arch`` of the :class:`ESpikeFormer` that converted tensors belong to.

    Args:
        state_dict: Converted, with ``backbone.`` in front of the backbone's names.

    Returns:
        The name of a published size, or a dict.

    Raises:
        ConversionError: A part of the backbone is missing, or no model can have its sizes.
    """
    large = any('.attn.q_conv.rep.' in name for name in state_dict)
    num_stages = 4 if large else 5
    # What tells the width of each stage, that it has blocks, and how they look inside.
    downs = [f'backbone.downsample_layers.{i}.conv.weight' for i in range(num_stages)]
    firsts = [f'backbone.stages.{i}.0.conv1.conv.weight' for i in range(3)]
    mlps = [f'backbone.stages.{i}.0.mlp.fc1.conv.weight' for i in range(3, num_stages)]
    missing = [name for name in (*downs, *firsts, *mlps) if name not in state_dict]
    if missing:
        raise ConversionError(
            f'The checkpoint is incomplete: it has no {missing[0].removeprefix("backbone.")} '
            '(our name), so its size cannot be told.'
        )
    settings: dict[str, Any] = dict(family='large') if large else {}
    settings['channels'] = tuple(state_dict[name].shape[0] for name in downs[1:])
    local = 'backbone.stages.3.0.rep_conv.rep.conv1.conv.weight'
    if local in state_dict:
        hidden, channels = state_dict[local].shape[:2]
        settings['local_ratio'] = hidden / channels
    hidden, channels = state_dict[mlps[0]].shape[:2]
    unusual = dict(depths=_depths(state_dict, num_stages), mlp_ratio=hidden // channels)
    # Only what differs from the published family is told.
    try:
        for key, value in unusual.items():
            if Arch.of({**settings, key: value}) != Arch.of(settings):
                settings[key] = value
        return next((name for name in SETTINGS if Arch.of(name) == Arch.of(settings)), settings)
    except ValueError as error:
        raise ConversionError(f'No published model has this size: {error}') from None


def _depths(state_dict: dict[str, Tensor], num_stages: int) -> tuple[int, ...]:
    blocks = [re.match(r'backbone\.stages\.(\d)\.(\d+)\.', name) for name in state_dict]
    return tuple(
        1 + max(int(found[2]) for found in blocks if found and int(found[1]) == stage)
        for stage in range(num_stages)
    )
