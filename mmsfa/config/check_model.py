"""Stop early when a backbone and what follows it do not fit together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS, Registry
from torch import Tensor

from mmsfa.backbones import BESTformer, ESpikeFormer, StagedBackbone
from mmsfa.errors import UserError
from mmsfa.model_parts import bare_model, members

from .check_channels import check_channels
from .scopes import class_of
from .shape_run import ShapeRun, maps_of, run_shapes
from .stated_maps import channels_read, read_by, readers_of, strides_stated

# They ask their backbone for the tokens that they hide, and how.
MASKED = (
    'BEiT',
    'CAE',
    'EVA',
    'MAE',
    'MFF',
    'MILAN',
    'MaskFeat',
    'MixMIM',
    'SimMIM',
    'SparK',
    'iTPN',
)
GO_ON = 'To go on all the same: check_model = False in the config.'
ALIKE = 1.2  # strides that a config computes from the size of a picture are no powers of two


class MisfitError(UserError, ValueError):
    """A neck or head expects other maps than the backbone gives."""


def check_model(cfg: Config) -> None:
    """Compare the maps of a backbone of ours with the channels and strides that a config states.

    Configs with another one are not judged, nor those that say ``check_model = False``.

    Args:
        cfg: The whole config.

    Raises:
        MisfitError: The channels differ, a neck or head doubles sizes that do not double, a base
            has left the weights of its own backbone, or a masked pre-training needs its own.
        ChannelsError: Preprocessor, backbone and pipelines are for different pictures.
    """
    check_channels(cfg)
    if cfg.get('check_model') is False:
        return
    model = bare_model(cfg.model)
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        backbone_cfg = model.get('backbone') or {}
        if class_of(backbone_cfg, registry) not in (BESTformer, ESpikeFormer):
            return
        if model.get('pretrained') is not None:  # mmseg hands it on to the backbone
            raise MisfitError(
                f'model.pretrained is {model.pretrained!r}, the weights of the backbone that a '
                'base has built in: set model.pretrained=None, and your own weights '
                "in model.backbone.init_cfg=dict(type='Pretrained', checkpoint=FILE)."
            )
        kind = class_of(model, registry)
        if _hides_its_own_way(kind):
            raise MisfitError(
                f'{kind.__name__} of mmpretrain hides patches inside of a backbone of its own, '
                "which an ESpikeFormer is not: pre-train with model=dict(type='SpikeMAE', ...), "
                f'see configs/mim. {GO_ON}'
            )
        with torch.device('meta'):  # shapes only: nothing is allocated or initialised
            backbone = registry.build({**backbone_cfg, 'init_cfg': None})
        necks = members(model.get('neck'))
        maps = maps_of(backbone.out_channels, backbone.out_strides)
        behind = run_shapes(necks, maps, registry) if necks else ShapeRun(maps, ran=True)
        _check_sizes(model, necks, behind, backbone, registry)
        if necks and not behind.ran:
            _check_neck(necks, backbone, maps, registry)
        _check_heads(model, necks, behind, backbone)
        start = necks[0].get('start_level', 0) if necks else 0
        strides = behind.strides if behind.ran else list(backbone.out_strides[start:])
        _warn_of_strides(model, strides, registry)


def _hides_its_own_way(kind: Any) -> bool:
    """Whether a model is a masked pre-training of mmpretrain; a sub-class may do otherwise."""
    name, room = getattr(kind, '__name__', ''), getattr(kind, '__module__', '')
    return name in MASKED and room.startswith('mmpretrain.')


def _check_neck(
    necks: list[dict], backbone: StagedBackbone, maps: list[Tensor], registry: Registry
) -> None:
    """Say what of a neck that cannot run does not fit to the backbone."""
    given = backbone.out_channels
    turned = list(reversed(given))
    for key, indices, stated in channels_read(necks[0]):
        true = _channels_at(indices, given)
        is_turned = len(stated) == len(given) > 1 and key == 'in_channels'
        if is_turned:
            same_type = type(necks[0][key])(turned)
            is_turned = run_shapes([{**necks[0], key: same_type}], maps, registry).ran
        if stated != true or is_turned:
            order = f' This neck lists them deepest first: {turned}.' if is_turned else ''
            raise _misfit(f'neck.{key}', stated, indices, given, backbone, order)
        if len(stated) < len(given) and run_shapes(necks, maps[: len(stated)], registry).ran:
            raise MisfitError(
                f'model.neck.{key} is {stated}, of {len(stated)} maps, but the backbone returns '
                f'{len(given)} with {list(given)} channels (out_indices={backbone.out_indices}). '
                f'Change one of the two. {GO_ON}'
            )


def _check_heads(
    model: dict, necks: list[dict], behind: ShapeRun, backbone: StagedBackbone
) -> None:
    """Compare what heads read with what they get: from the last neck, or from the backbone."""
    given = [one.shape[1] for one in behind.maps if one.dim() > 1]
    for path, part in readers_of(model) if given else ():
        for key, indices, stated in channels_read(part):
            if stated != _channels_at(indices, given):
                giver = None if necks and _changes_channels(necks) else backbone
                raise _misfit(f'{path}.{key}', stated, indices, given, giver)


def _channels_at(indices: list[int], given: Sequence[int]) -> list[int]:
    return [given[i] for i in indices if -len(given) <= i < len(given)]


def _misfit(
    name: str,
    stated: list[int],
    indices: list[int],
    given: Sequence[int],
    backbone: StagedBackbone | None,
    order: str = '',
) -> MisfitError:
    """The sentence of a part that states other channels than the backbone, or the neck, gives."""
    key = name.rpartition('.')[2]
    whose, change = 'the neck', 'or the neck'
    outputs = ''
    if backbone is not None:
        whose, outputs = 'the backbone', f' (out_indices={backbone.out_indices})'
        change = 'or arch or out_indices of model.backbone'
    return MisfitError(
        f'model.{name} is {stated}, but maps {indices} of {whose} have '
        f'{_channels_at(indices, given)} channels: it returns {list(given)}{outputs}.{order} '
        f'Change {key} or in_index there, {change}. {GO_ON}'
    )


def _changes_channels(necks: list[dict]) -> bool:
    """Whether a neck makes maps of its own; pooling hands the backbone's channels on."""
    return any('Pooling' not in str(neck.get('type')) for neck in necks)


def _check_sizes(
    model: dict,
    necks: list[dict],
    behind: ShapeRun,
    backbone: StagedBackbone,
    registry: Registry,
) -> None:
    """Refuse what fails with two last maps of one size, and works with a smaller last one."""
    strides = backbone.out_strides
    if len(strides) < 2 or strides[-1] != strides[-2]:
        return
    maps = maps_of(backbone.out_channels, (*strides[:-1], 2 * strides[-1]))
    halved = run_shapes(necks, maps, registry) if necks else ShapeRun(maps, ran=True)
    found = 'neck' if halved.ran and not behind.ran else None
    if behind.maps and halved.maps:
        for path, head in readers_of(model):
            runs = (run_shapes([head], maps, registry) for maps in (behind.maps, halved.maps))
            if [one.ran for one in runs] == [False, True]:
                found = path
                break
    if found:
        raise MisfitError(
            f'model.{found} needs maps each half as large as the one before, but those of the '
            f'backbone have the strides {list(strides)}. Set stage4_stride=2 in model.backbone: '
            'its last map then has stride 32.'
        )


def _warn_of_strides(model: dict, true: Sequence[float], registry: Registry) -> None:
    """Say where a head takes a map for one of another stride than it has."""
    if not true:
        return
    for name, stated, indices in strides_stated(model, registry):
        head = members(model.get(name.partition('.')[0]))[0]
        maps = read_by(class_of(head, registry), list(true))
        maps = [maps[i] for i in indices if -len(maps) <= i < len(maps)] if indices else maps
        both = list(zip(stated, maps, strict=False))
        if any(max(a / b, b / a) > ALIKE for a, b in both):
            print_log(
                f'{name} is {stated}, but the maps have the strides {maps[: len(stated)]}: '
                'what is predicted there will lie in wrong places. Change it, unless you '
                'reproduce the published choice (..._legacy_strides.py).',
                logger='current',
                level=logging.WARNING,
            )
