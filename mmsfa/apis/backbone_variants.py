"""Variants of a backbone that a benchmark compares with it, and how they are built."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmsfa.config.accepted_keys import accepted_by
from mmsfa.config.scopes import class_of
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model

# Name -> settings of the backbone that replace those of the config.
VARIANTS = {
    'spiking': dict(),
    'published': dict(attn_cfg=dict(type='mmpretrain.SpikeDrivenSelfAttention', order='quadratic')),
    'relu': dict(neuron_cfg=dict(type='ReLU')),
}


def variants_of(cfg: Config, wanted: list[str]) -> list[str]:
    """The variants that the backbone of a config can be built in; the others are named.

    Args:
        cfg: Config of a model with a backbone.
        wanted: Names in `VARIANTS`.

    Raises:
        OptionError: There is none among the wanted ones.
    """
    backbone = bare_model(cfg.model).backbone
    with MODELS.switch_scope_and_registry(cfg.default_scope) as registry:
        taken = accepted_by(class_of(backbone, registry)).names
    missing = {name: [key for key in VARIANTS[name] if key not in taken] for name in wanted}
    left_out = [f'{name} (it has no {keys[0]})' for name, keys in missing.items() if keys]
    kept = [name for name in wanted if not missing[name]]
    if not kept:
        raise OptionError(
            f'The backbone {backbone.type} cannot be built as --variants says: '
            f'{", ".join(left_out)}. Add "spiking", which is the backbone as the config says.'
        )
    if left_out:
        print(f'The backbone {backbone.type} has no variant {", ".join(left_out)}: left out.')
    return kept


def build_backbone(
    cfg: Config, settings: dict[str, Any] | None = None, device: str = 'cpu'
) -> nn.Module:
    """The backbone of a config, always from the same random weights.

    Args:
        cfg: Config of a model with a backbone.
        settings: Replace those of the backbone, see `VARIANTS`.
        device: Where it shall lie.
    """
    init_default_scope(cfg.get('default_scope'))
    torch.manual_seed(0)
    backbone = MODELS.build({**deepcopy(bare_model(cfg.model).backbone), **(settings or {})})
    return revert_sync_batchnorm(backbone).to(device)
