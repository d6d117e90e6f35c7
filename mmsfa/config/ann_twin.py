"""The ordinary network that a spiking one is compared with."""

from __future__ import annotations

import inspect
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, Registry

from mmsfa.layers import SpikeDriven

from .scopes import class_of


def to_ann_twin(cfg: Config) -> None:
    """Turn the model of a config into its ANN twin: same layers, ReLU instead of spiking neurons.

    A module that takes a ``neuron_cfg`` gets a ReLU, and a spike-driven neck or head becomes the
    ordinary one that it was made from. Data, schedule and everything else stay.

    Args:
        cfg: Config with ``model`` and ``default_scope``; its model is changed in place.
    """
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        _convert(cfg.model, registry)


def _convert(value: Any, registry: Registry) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            _convert(item, registry)
    if not isinstance(value, dict):
        return
    found = class_of(value, registry)
    if inspect.isclass(found) and issubclass(found, SpikeDriven):
        for option in _own_options(SpikeDriven) | _own_options(found):
            value.pop(option, None)
        value['type'] = found.__bases__[-1].__name__  # class SpikeFPN(SpikeDriven, FPN)
    elif inspect.isclass(found) and 'neuron_cfg' in inspect.signature(found).parameters:
        value['neuron_cfg'] = dict(type='ReLU')
    for item in value.values():
        _convert(item, registry)


def _own_options(module: type) -> set[str]:
    """Options that the ordinary neck or head does not have."""
    options = inspect.signature(module.__init__).parameters.values()
    return {option.name for option in options if option.kind is option.KEYWORD_ONLY}
