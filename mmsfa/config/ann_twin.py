"""The ordinary network that a spiking one is compared with."""

from __future__ import annotations

import inspect

from mmengine.config import Config
from mmengine.registry import MODELS, Registry

from mmsfa.layers import SpikeDriven

from .scopes import class_of
from .walk import walk


def to_ann_twin(cfg: Config) -> None:
    """Turn the model of a config into its ANN twin: same layers, ReLU instead of spiking neurons.

    A module that takes a ``neuron_cfg`` gets a ReLU, and a spike-driven neck or head becomes the
    first class that it was made from and that is none. Real time steps, data, schedule and
    everything else stay.

    Args:
        cfg: Config with ``model`` and ``default_scope``; its model is changed in place.
    """
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        for _, node in walk(cfg.model):
            if isinstance(node, dict):
                _convert(node, registry)


def _convert(value: dict, registry: Registry) -> None:
    found = class_of(value, registry)
    if inspect.isclass(found) and issubclass(found, SpikeDriven):
        plain = next(c for c in found.__mro__ if not issubclass(c, SpikeDriven))
        for option in _spiking_options(found) - _keyword_only(plain):
            value.pop(option, None)
        scope = value['type'].rpartition('.')[0] if isinstance(value['type'], str) else ''
        value['type'] = f'{scope}.{plain.__name__}' if scope else plain.__name__
    elif inspect.isclass(found) and 'neuron_cfg' in inspect.signature(found).parameters:
        value['neuron_cfg'] = dict(type='ReLU')


def _spiking_options(found: type) -> set[str]:
    """Options that a class and the spike-driven ones below it have added to the ordinary one."""
    classes = [c for c in found.__mro__ if issubclass(c, SpikeDriven)]
    return set().union(*map(_keyword_only, classes))


def _keyword_only(module: type) -> set[str]:
    options = inspect.signature(module.__init__).parameters.values()
    return {option.name for option in options if option.kind is option.KEYWORD_ONLY}
