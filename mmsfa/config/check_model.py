"""Stop early when a backbone and what follows it do not fit together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS, Registry
from torch import Tensor

from mmsfa.backbones import BESTformer, ESpikeFormer, StagedBackbone
from mmsfa.errors import UserError
from mmsfa.model_parts import members, without_losses

from .check_channels import check_channels
from .scopes import class_of
from .shape_run import ShapeRun, maps_of, run_shapes
from .stated_maps import channels_read, read_by, readers_of, strides_stated

ALIKE = 1.2  # strides that a config computes from the size of a picture are no powers of two


class MisfitError(UserError, ValueError):
    """A neck or head expects other maps than the backbone gives."""


def check_model(cfg: Config) -> None:
    """Compare the maps of a backbone of ours with the channels and strides that a config states.

    Configs with another one are not judged, nor those that say ``check_model = False``.

    Args:
        cfg: The whole config.

    Raises:
        MisfitError: The channels differ, a neck or head doubles sizes that do not double, or a base
            has left the weights of its own backbone.
        ChannelsError: Preprocessor, backbone and pipelines are for different pictures.
    """
    check_channels(cfg)
    if cfg.get('check_model') is False:
        return
    model = without_losses(cfg.model)
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
        with torch.device('meta'):  # shapes only: nothing is allocated or initialised
            backbone = registry.build({**backbone_cfg, 'init_cfg': None})
        necks = members(model.get('neck'))
        maps = maps_of(backbone.out_channels, backbone.out_strides)
        behind = run_shapes(necks, maps, registry) if necks else ShapeRun(maps, ran=True)
        _check_sizes(model, necks, behind, backbone, registry)
        if not (behind.ran and _first_states(necks)):  # what it can read is right
            _check_channels(model, necks, backbone, maps, registry)
        start = necks[0].get('start_level', 0) if necks else 0
        strides = behind.strides if behind.ran else list(backbone.out_strides[start:])
        _warn_of_strides(model, strides, registry)


def _check_channels(
    model: dict,
    necks: list[dict],
    backbone: StagedBackbone,
    maps: list[Tensor],
    registry: Registry,
) -> None:
    given = backbone.out_channels
    turned = list(reversed(given))
    for name, indices, stated in _stated_channels(model, necks):
        true = [given[i] for i in indices if -len(given) <= i < len(given)]
        is_turned = name == 'neck.in_channels' and len(stated) == len(given) > 1
        is_turned = (
            is_turned
            and run_shapes(
                [{**necks[0], 'in_channels': type(necks[0]['in_channels'])(turned)}], maps, registry
            ).ran
        )
        if stated != true or is_turned:
            order = f' This neck lists them deepest first: {turned}.' if is_turned else ''
            raise MisfitError(
                f'model.{name} is {stated}, but maps {indices} of the backbone have '
                f'{true} channels: it returns {list(given)} (out_indices={backbone.out_indices}).'
                f'{order} Change {name.rpartition(".")[2]} or in_index there, or arch or '
                'out_indices of model.backbone. To go on all the same: check_model = False in the '
                'config.'
            )


def _stated_channels(model: dict, necks: list[dict]) -> Iterator[tuple[str, list[int], list[int]]]:
    """(setting, indices of the maps, their channels) of each part that reads the backbone."""
    states = _first_states(necks)
    if necks and not states and 'Pooling' not in str(necks[0].get('type')):
        return  # only pooling hands the backbone's channels on to the heads
    for path, part in [('neck', necks[0])] if states else readers_of(model):
        for key, indices, stated in channels_read(part):
            yield f'{path}.{key}', indices, stated


def _first_states(necks: list[dict]) -> bool:
    """Whether the neck that reads the backbone says which channels it reads."""
    return bool(necks) and 'in_channels' in necks[0]


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
