"""Refuse what fails, or uses wrong channels, where pictures have other than three."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.model import ImgDataPreprocessor
from mmengine.registry import MODELS

from mmsfa.backbones import BESTformer, ESpikeFormer
from mmsfa.layers.any_channels import AnyChannels, ChannelsError
from mmsfa.model_parts import bare_model

from .check_datasets import datasets_of
from .scopes import class_of
from .walk import walk

# Of mmdet, mmseg and mmpretrain; they fail at four channels, or drop the fourth without a word.
COLOURS = (
    'AutoContrast', 'Color', 'ColorJitter', 'ColorTransform', 'Contrast', 'Equalize', 'Grayscale',
    'Lighting', 'PhotoMetricDistortion', 'RGB2Gray', 'RandomGrayscale', 'YOLOXHSVRandomAug',
)  # fmt: skip
# They change colours as well, unless their policies are spelt out.
POLICIES = dict(AutoAugment=('policies',), RandAugment=('policies', 'aug_space'))
ANY = dict(
    DetDataPreprocessor='AnyChannelsDetDataPreprocessor',
    SegDataPreProcessor='AnyChannelsSegDataPreProcessor',
)
_ORDERS = ('bgr_to_rgb', 'rgb_to_bgr', 'to_rgb')


def check_channels(cfg: Config) -> None:
    """Compare preprocessor, backbone and pipelines.

    Args:
        cfg: The whole config.

    Raises:
        ChannelsError: The sentence says what to change.
    """
    model = bare_model(cfg.model)
    preprocessor = model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    mean, std = preprocessor.get('mean'), preprocessor.get('std')
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        kind: Any = class_of(preprocessor, registry) if preprocessor.get('type') else None
        backbone_kind = class_of(model.get('backbone') or {}, registry)
        is_ours = backbone_kind in (BESTformer, ESpikeFormer)
    number = len(mean) if isinstance(mean, (list, tuple)) else 0
    if number > 1 and isinstance(std, (list, tuple)) and len(std) not in (1, number):
        raise ChannelsError(
            f'data_preprocessor.mean has {number} numbers and std {len(std)}: give one a channel.'
        )
    if number not in (0, 1, 3) and _takes_few(kind):
        instead = ANY.get(kind.__name__)
        raise ChannelsError(
            f'{kind.__name__} takes mean and std of 1 or 3 channels, got {number}: '
            + (
                f"set type='{instead}'."
                if instead
                else 'put AnyChannels of mmsfa.layers before it.'
            )
        )
    if number > 3 and (order := next((key for key in _ORDERS if preprocessor.get(key)), None)):
        raise ChannelsError(
            f'data_preprocessor.{order} is for 3 channels, and mean has {number}: set it to False '
            'and give mean and std in the order of the file (blue, green, red, ...).'
        )
    if not is_ours:
        return
    backbone = model['backbone']
    given = backbone.get('in_channels', 3)
    default = inspect.signature(backbone_kind).parameters['T'].default
    taken = given * backbone.get('T', default)
    if number > 1 and number not in (given, taken):
        raise ChannelsError(
            f'data_preprocessor.mean is for {number} channels, and model.backbone.in_channels is '
            f'{given}: give both the same number.'
        )
    # Without a mean nothing tells whether time lies in the channels; a still picture is shown T
    # times.
    pictures = number if number > 1 else given
    if pictures not in (1, 3):
        _refuse_colours(cfg, pictures if number > 1 else taken)


def _takes_few(kind: Any) -> bool:
    """Whether it is a preprocessor that takes one or three numbers."""
    is_usual = isinstance(kind, type) and issubclass(kind, ImgDataPreprocessor)
    return is_usual and not issubclass(kind, AnyChannels)


def _refuse_colours(cfg: Config, number: int) -> None:
    for key, dataset in datasets_of(cfg, ('train', 'val', 'test')):
        for place, name in _colours_in(dataset.get('pipeline') or []):
            raise ChannelsError(
                f'{key}.pipeline.{place} ({name}) is for pictures of 3 channels, and the model '
                f'takes {number}: leave it out.'
            )


def _colours_in(pipeline: Any) -> Iterator[tuple[str, str]]:
    """(place, name) of the transforms of colours, up to one that makes events of the picture."""
    for place, node in walk(pipeline):
        kind = node.get('type') if isinstance(node, dict) else None
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        name = name.replace('/', '.').rpartition('.')[2]
        if 'Event' in name:
            return
        if name in COLOURS or (name in POLICIES and not _spelt_out(node, POLICIES[name])):
            yield place, name


def _spelt_out(node: dict, keys: tuple[str, ...]) -> bool:
    return any(isinstance(node.get(key), (list, tuple)) for key in keys)
