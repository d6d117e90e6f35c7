"""Stop early when a backbone and what follows it do not fit together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS

from mmsfa.backbones import ESpikeFormer
from mmsfa.errors import UserError
from mmsfa.model_parts import (
    AUXILIARY_HEADS,
    DENSE_HEADS,
    REGION_STAGE,
    get,
    heads_of,
    members,
    without_losses,
)

from .check_channels import check_channels
from .scopes import class_of


class MisfitError(UserError, ValueError):
    """A neck or head expects other maps than the backbone gives."""


def check_model(cfg: Config) -> None:
    """Compare an ESpikeFormer's maps with the channels and strides that a config states.

    Configs with another backbone are not judged.

    Args:
        cfg: The whole config.

    Raises:
        MisfitError: The channels differ, or a base has left the weights of its own backbone.
        ChannelsError: Preprocessor, backbone and pipelines are for different pictures.
    """
    check_channels(cfg)
    model = without_losses(cfg.model)
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        backbone_cfg = model.get('backbone') or {}
        if class_of(backbone_cfg, registry) is not ESpikeFormer:
            return
        if model.get('pretrained') is not None:  # mmseg hands it on to the backbone
            raise MisfitError(
                f'model.pretrained is {model.pretrained!r}, the weights of the backbone that a '
                'base has built in: set model.pretrained=None, and the weights of an ESpikeFormer '
                "in model.backbone.init_cfg=dict(type='Pretrained', checkpoint=FILE)."
            )
        with torch.device('meta'):  # shapes only: nothing is allocated or initialised
            backbone = registry.build({**backbone_cfg, 'init_cfg': None})
    given = backbone.out_channels
    for name, indices, stated in _stated_channels(model):
        true = [given[i] for i in indices if -len(given) <= i < len(given)]
        if stated != true:
            raise MisfitError(
                f'model.{name}.in_channels is {stated}, but maps {indices} of the backbone have '
                f'{true} channels: it returns {list(given)} (out_indices={backbone.out_indices}). '
                'Change in_channels or in_index there, or arch or out_indices of model.backbone.'
            )
    _warn_of_strides(model, backbone.out_strides)


def _stated_channels(model: dict) -> Iterator[tuple[str, list[int], list[int]]]:
    """(part, indices of the maps, their channels) of each part that reads the backbone itself."""
    neck = _first_neck(model)
    if neck and 'in_channels' not in neck and 'Pooling' not in str(neck.get('type')):
        return  # only pooling hands the backbone's channels on to the heads
    for part in ('neck',) if 'in_channels' in neck else (*DENSE_HEADS, *AUXILIARY_HEADS):
        for user in [neck] if part == 'neck' else members(model.get(part)):
            if user.get('in_channels') is not None:
                stated = _as_list(user['in_channels'])
                every = list(range(len(stated))) if len(stated) > 1 else -1
                yield part, _as_list(user.get('in_index', every)), stated


def _first_neck(model: dict) -> dict:
    """The neck that reads the backbone; mmdet chains a list of them."""
    necks = members(model.get('neck'))
    return necks[0] if necks else {}


def _as_list(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _warn_of_strides(model: dict, true_strides: tuple[int, ...]) -> None:
    """Say where a head takes a map for one of another stride than it has."""
    start = _first_neck(model).get('start_level', 0)
    true = list(true_strides[start:])
    true += [true[-1] * 2**i for i in range(1, 6)]  # a pyramid's further levels halve the last map
    settings = {}
    for path, head in heads_of(model):
        settings[f'{path}.anchor_generator.strides'] = get(head.get('anchor_generator'), 'strides')
        settings[f'{path}.feature_strides'] = head.get('feature_strides')
    for name in ('bbox_roi_extractor', 'mask_roi_extractor'):
        extractors = members((model.get(REGION_STAGE) or {}).get(name))
        for extractor in extractors[:1]:  # a cascade may have one for each stage
            settings[f'{name}.featmap_strides'] = extractor.get('featmap_strides')
    for name, stated in settings.items():
        if stated and list(stated) != true[: len(stated)]:
            print_log(
                f'{name} is {list(stated)}, but the maps have the strides {true[: len(stated)]}: '
                'what is predicted there will lie in wrong places. Change it, unless you '
                'reproduce the published choice (..._legacy_strides.py).',
                logger='current',
                level=logging.WARNING,
            )
