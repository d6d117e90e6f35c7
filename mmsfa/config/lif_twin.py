"""The LIF twin of a config: binary neurons trained directly through D real time steps."""

from __future__ import annotations

import inspect
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, Registry

from mmsfa.backbones import ESpikeFormer
from mmsfa.cls import SpikeLinearClsHead, SpikeTemporalClsHead
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model
from mmsfa.neurons import LIF, SFA
from mmsfa.pretrain import SpikeMAE

from .scopes import class_of
from .walk import TRAINED, walk

# As directly trained spiking transformers use it: https://arxiv.org/abs/2404.03663
LIF_CFG = dict(type='mmpretrain.LIF', tau=2.0, detach_reset=True)


def levels_of(cfg: Config) -> int:
    """D of the SFA neurons of a backbone: as many real time steps does its LIF twin get.

    Args:
        cfg: The whole config.

    Raises:
        OptionError: Its neurons are no SFA neurons, or have real time steps already.
    """
    model = bare_model(cfg.model)
    neuron = model.backbone.get('neuron_cfg') or dict(type=SFA)
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        backbone = class_of(model.backbone, registry)
        spiking = class_of(neuron, registry) is SFA and issubclass(backbone, ESpikeFormer)
    if not spiking or model.backbone.get('T', 1) != 1:
        raise OptionError(
            '--sfa-vs-lif needs an ESpikeFormer with SFA neurons and without real time steps '
            f'(T = 1), got neuron_cfg={dict(neuron)} and T={model.backbone.get("T", 1)} in a '
            f'{model.backbone.type}: give a config for still images.'
        )
    return neuron.get('D', 4)


def to_lif_twin(cfg: Config, options: dict[str, Any] | None = None) -> None:
    """Turn the model of a config into its LIF twin: same layers and data, D real time steps.

    The image is shown at every step. A classifier with a spike-driven linear head carries time
    through to its scores and averages them; any other model gets a backbone of LIF neurons whose
    maps are the mean over time, and necks and heads stay as they are.

    Args:
        cfg: Config for still images with SFA neurons; its model is changed in place.
        options: Options of the LIF neuron that differ.

    Raises:
        OptionError: There is no LIF twin of it: see :func:`levels_of`, or the model hides tokens,
            which masked pre-training does in still images only.
    """
    T = levels_of(cfg)
    model = bare_model(cfg.model)
    neuron_cfg = dict(LIF_CFG, **(options or {}))
    try:
        LIF(**{key: value for key, value in neuron_cfg.items() if key != 'type'})
    except (TypeError, ValueError) as error:
        raise OptionError(f'--lif-options must be options of the LIF neuron: {error}') from None
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        if class_of(model, registry) is SpikeMAE:
            raise OptionError('Masked pre-training has no real time steps, so it has no LIF twin.')
        head = model.get('head') or {}
        keeps_time = class_of(head, registry) is SpikeLinearClsHead
        _convert(model if keeps_time else model.backbone, neuron_cfg, registry)
    if keeps_time:
        head.update(type=SpikeTemporalClsHead.__name__, T=T)
    model.backbone.update(T=T, out_time='batch' if keeps_time else 'mean')


def _convert(part: dict, neuron_cfg: dict, registry: Registry) -> None:
    for _, node in walk(part, without=TRAINED):
        found = class_of(node, registry) if isinstance(node, dict) else None
        if inspect.isclass(found) and 'neuron_cfg' in inspect.signature(found).parameters:
            node['neuron_cfg'] = deepcopy(neuron_cfg)
