"""The ordinary network that a spiking one is compared with."""

from __future__ import annotations

import inspect
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, Registry

from mmsfa.errors import OptionError
from mmsfa.layers import SpikeDriven
from mmsfa.spike_times import TTFSNet

from .scopes import class_of
from .walk import TRAINED, walk


def to_ann_twin(cfg: Config) -> None:
    """Turn the model of a config into its ANN twin: same layers, ReLU instead of spiking neurons.

    A module that takes a ``neuron_cfg`` gets a ReLU, and a spike-driven neck or head becomes the
    first class that it was made from and that is none. An auxiliary loss of spikes goes. Real time
    steps, data, schedule, teachers and everything else stay.

    Args:
        cfg: Config with ``model`` and ``default_scope``; its model is changed in place.

    Raises:
        OptionError: It is a network of spike times, which has no neurons to replace.
    """
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        for _, node in walk(cfg.model, without=TRAINED):
            if isinstance(node, dict):
                _convert(node, registry)


def _drop_losses_of_spikes(losses: Any, registry: Registry) -> None:
    for name, loss in list(losses.items()) if isinstance(losses, dict) else ():
        if isinstance(loss, dict) and getattr(class_of(loss, registry), 'of_spikes', False):
            del losses[name]


def _convert(value: dict, registry: Registry) -> None:
    _drop_losses_of_spikes(value.get('losses'), registry)
    found = class_of(value, registry)
    if inspect.isclass(found) and issubclass(found, TTFSNet):
        raise OptionError(
            'A network of spike times (TTFSNet) has no ANN twin: its layers give times and no '
            'activations. Compare it with the ANN twin of an ordinary backbone.'
        )
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


def _keyword_only(module: Any) -> set[str]:
    options = inspect.signature(module.__init__).parameters.values()
    return {option.name for option in options if option.kind is option.KEYWORD_ONLY}
