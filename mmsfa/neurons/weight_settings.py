"""Settings that decide what weights mean travel with them and are compared on loading."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

# Key in the metadata that PyTorch keeps beside each module's version in a state dict.
KEY = 'mmsfa'

Settings = dict[str, Any]

UNKNOWN: Settings = {'unknown': True}


def keep_settings(
    module: nn.Module, read: Callable[[nn.Module], Settings], unstated: Settings | None = None
) -> None:
    """Write a module's settings into its state dicts and warn where loaded weights had others.

    Weights without a state dict's metadata (converted, safetensors, other frameworks) load in
    silence: nothing is known of them. Each difference is one warning, however many modules have it.

    Args:
        module: Neuron, neck or head; its parameter names stay as they are.
        read: Gives the settings from the module, plain numbers, texts and lists. It must be
            a function of a module file, so that models can be copied and pickled.
        unstated: What weights had that were written before there was such a setting; None warns
            that they do not say it, and `UNKNOWN` says nothing.
    """
    module.keeps_settings = True  # type: ignore[assignment]
    module.register_state_dict_post_hook(partial(_write, read))
    module.register_load_state_dict_pre_hook(partial(_compare, read, unstated))


def warn_of_unread(model: nn.Module, state_dict: dict[str, Any]) -> None:
    """Warn of settings in a state dict that no module of the model compares.

    Weights of a quantised or spiking layer load into an ordinary one of the same name, and mean
    something else there.

    Args:
        model: What gets the weights.
        state_dict: With the metadata of PyTorch; without it there is nothing to say.
    """
    modules = dict(model.named_modules())
    unread = {
        name: found[KEY]
        for name, found in (getattr(state_dict, '_metadata', None) or {}).items()
        if KEY in found and name in modules and not hasattr(modules[name], 'keeps_settings')
    }
    if unread:
        name, found = next(iter(unread.items()))
        warnings.warn(
            f'The weights of {name} were trained with {_text(found)}, and this model has an '
            f'ordinary {type(modules[name]).__name__} there ({len(unread)} such layers): build the '
            'model as it was trained, unless you go on training.',
            stacklevel=2,
        )


def _write(
    read: Callable, module: nn.Module, state_dict: dict, prefix: str, metadata: Settings
) -> None:
    metadata[KEY] = read(module)


def _compare(
    read: Callable,
    unstated: Settings | None,
    module: nn.Module,
    state_dict: dict,
    prefix: str,
    metadata: Settings,
    *unused: Any,
) -> None:
    if not metadata:
        return
    here, there = read(module), metadata.get(KEY, unstated)
    if there is UNKNOWN:
        return
    if there is None:
        warnings.warn(
            f'The weights do not say which spiking parts they were trained with (an ANN, or a '
            f'version of mmsfa that did not write it down); this model has {_text(here)}.',
            stacklevel=2,
        )
    elif there != here:
        differing = [key for key in {**there, **here} if there.get(key) != here.get(key)]
        was = {key: there.get(key) for key in differing}
        now = {key: here.get(key) for key in differing}
        warnings.warn(
            f'The weights were trained with {_text(was)}, this model has {_text(now)}: set them '
            'as they were, unless you go on training.',
            stacklevel=2,
        )


def _text(settings: Settings) -> str:
    return ', '.join(f'{key}={value!r}' for key, value in settings.items())
