"""From a config and a checkpoint to those of the pruned model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import chain, islice
from math import ceil
from typing import Any, NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from torch import Tensor

from mmsfa.compression.pruning import Plan, apply_plan, check_plan, plan_pruning, widths_of
from mmsfa.compression.pruning.criteria import NEED_DATA, check_criterion
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of, set_loader_defaults
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model, wraps
from mmsfa.neurons.real_time import input_channels

from .trained_model import load_trained

# Networks that read maps of any size are traced on a part of a larger picture.
_LARGEST, _PART = 256, 128


class Pruned(NamedTuple):
    """A pruned model.

    Attributes:
        model: On the CPU, in evaluation mode.
        plan: What went and what stayed.
        config: The config that builds it.
    """

    model: BaseModel
    plan: Plan
    config: Config


def prune_trained(
    cfg: Config,
    checkpoint: str,
    ratio: float,
    criterion: str = 'svs',
    *,
    num: int = 64,
    device: str = 'cpu',
    shape: tuple[int, int] | None = None,
    seed: int = 0,
    fixed_scales: bool = True,
    **settings: Any,
) -> Pruned:
    """Prune a trained model by the pictures that it was trained with.

    Args:
        cfg: The whole config.
        checkpoint: Its weights.
        ratio: Share of the channels of each layer that goes.
        criterion: See :func:`~mmsfa.compression.pruning.plan_pruning`.
        num: Training pictures that `svs` and `sca` look at.
        device: Where they are scored.
        shape: Size of the picture for the trace; None takes that of the training pictures, a part
            of larger ones.
        seed: Of the choice of pictures, and of the criterion `random`.
        fixed_scales: See :func:`~mmsfa.compression.pruning.apply_plan`.
        **settings: Further ones of :func:`~mmsfa.compression.pruning.plan_pruning`.

    Raises:
        UserError: A setting is wrong, config, checkpoint or data do not fit together, or the
            channels of the model cannot be followed.
    """
    check_criterion(criterion)
    model = load_trained(cfg, checkpoint, device, merge=False)
    set_random_seed(seed)
    batches, total = None, None
    if shape is not None and min(shape) < 1:
        raise OptionError(f'--shape must be two numbers of pixels from 1 on, got {shape}.')
    # As normalised pictures are: a darker one lets hardly anything fire, and checks nothing.
    image = torch.randn(1, input_channels(model), *(shape or _size_of(cfg)), device=device)
    if criterion in NEED_DATA:
        loader, total = training_pictures(cfg, num)
        first = next(loader)
        batches = chain([first], loader)
        if shape is None:
            image = _picture(model, first)
    plan = plan_pruning(model, image, ratio, criterion, batches, seed=seed, total=total, **settings)
    model = model.cpu()
    whole = deepcopy(model).double()
    apply_plan(model, plan, fixed_scales)
    exact = deepcopy(whole)
    check_plan(whole, apply_plan(exact, plan), plan, image.cpu().double())
    return Pruned(model, plan, config_of(cfg, widths_of(model, list(plan.modules))))


def _size_of(cfg: Config) -> tuple[int, int]:
    found = tuple(scope_of(cfg).shape)
    height, width = found if len(found) == 2 else found * 2
    return (_PART, _PART) if max(height, width) > _LARGEST else (height, width)


def _picture(model: BaseModel, batch: Any) -> Tensor:
    """A picture as the model reads it."""
    data = model.data_preprocessor(batch, False)
    image = data['inputs'][:1]
    return image[..., :_PART, :_PART] if max(image.shape[-2:]) > _LARGEST else image


def training_pictures(cfg: Config, num: int) -> tuple[Iterator[Any], int]:
    """Batches of the training loader with at least so many pictures, and their number.

    Args:
        cfg: The whole config.
        num: How many pictures.

    Raises:
        UserError: The config names none, or none are there, or ``num`` is not positive.
    """
    if num < 1:
        raise OptionError(f'--num must be at least 1 picture, got {num}.')
    if not cfg.get('train_dataloader'):
        raise OptionError(
            'The config has no train_dataloader, and criteria of spikes need pictures: take '
            'criterion l1, bn_gamma or random, or inherit one of configs/_base_/datasets.'
        )
    scope_of(cfg)
    init_default_scope(cfg.default_scope)
    set_loader_defaults(cfg)
    check_datasets(cfg, 'train')
    loader = dict(cfg.train_dataloader, num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)
    built = Runner.build_dataloader(loader, seed=0)
    count = min(ceil(num / loader.get('batch_size', 1)), len(built))
    return islice(iter(built), count), count


def config_of(cfg: Config, widths: Mapping[str, list[int]]) -> Config:
    """The config of a model that has become narrower; weights of other widths are in none.

    Args:
        cfg: That of the model.
        widths: See :func:`~mmsfa.compression.pruning.widths_of`.
    """
    found = deepcopy(cfg)
    found.model = _with_widths(found.model, dict(widths))
    inner = bare_model(found.model)
    if inner.get('pretrained') is not None:
        inner.pretrained = None
    for part in [inner.get('backbone'), inner]:
        init = part.get('init_cfg') if part else None
        if isinstance(init, dict) and init.get('type') == 'Pretrained':
            part.init_cfg = None
    found.resume = False
    return found


def _with_widths(model: ConfigDict, widths: dict[str, list[int]]) -> ConfigDict:
    if wraps(model, 'AuxiliaryLosses'):
        model.of = _with_widths(model.of, widths)
        return model
    if wraps(model, 'Pruned'):
        model.widths = {**model.widths, **widths}
        return model
    return ConfigDict(type='mmpretrain.Pruned', of=model, widths=widths)
