"""Real time steps T: from the channel axis into the batch axis, and into the neurons."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .base import SpikingNeuron

OutTime = Literal['mean', 'batch']


class RealTime:
    """Mixin of backbones and heads that know the T real time steps in the batch axis.

    Attributes:
        T: Number of real time steps; 1 has no time.
        step_channels: Channels of one step where time stands in the channel axis of the input;
            None where it stands in the batch axis.
        out_time: What becomes of time: the ``'mean'`` over the steps, or ``'batch'``: it stays in
            the batch axis.
        step: In a stream, which holds one step at a time, the number of this one from 0 on; else
            None.
    """

    T: int = 1
    step: int | None = None
    step_channels: int | None = None
    out_time: OutTime = 'mean'
    forward: Callable[..., Any]


def checked_out_time(out_time: OutTime | Literal['fold']) -> OutTime:
    """What becomes of time behind a backbone; ``'fold'``, the old name of ``'batch'``, warns.

    Raises:
        ValueError: It is neither ``'mean'`` nor ``'batch'``.
    """
    if out_time == 'fold':
        warnings.warn(
            "out_time='fold' is called 'batch': time stays in the batch axis.",
            DeprecationWarning,
            stacklevel=3,
        )
        return 'batch'
    if out_time not in ('mean', 'batch'):
        raise ValueError(f"out_time must be 'mean' or 'batch', got {out_time!r}.")
    return out_time


def with_time(neuron_cfg: dict, T: int) -> dict:
    """Tell a neuron how many time steps its batch axis holds.

    Args:
        neuron_cfg: Config of a neuron; an ordinary activation has no time and stays as it is.
        T: Number of real time steps of the network; 1 changes nothing.

    Raises:
        ValueError: The config names another T, or no type.
    """
    if 'type' not in neuron_cfg:
        raise ValueError(
            f"neuron_cfg must name a type, as dict(type='mmpretrain.SFA', D=4), got {neuron_cfg}."
        )
    kind = neuron_cfg['type']
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if T == 1 or not (isinstance(kind, type) and issubclass(kind, SpikingNeuron)):
        return neuron_cfg
    if neuron_cfg.get('T', T) != T:
        raise ValueError(
            f'The neurons must have as many time steps as the network, T={T}, got '
            f'{neuron_cfg}: leave T out of neuron_cfg.'
        )
    return dict(neuron_cfg, T=T)


def time_to_batch(x: Tensor, T: int, in_channels: int) -> Tensor:
    """Move time from the channel axis into the batch axis.

    Args:
        x: (B, T*C, H, W), time is the slow part of the channel axis; or a still image
            (B, C, H, W), which is shown T times.
        T: Number of real time steps.
        in_channels: Channels C of one step.

    Returns:
        (T*B, C, H, W), time is the slow part of the batch axis.

    Raises:
        ValueError: The channels are neither C nor T*C.
    """
    if x.shape[1] == in_channels:
        return x.repeat(T, 1, 1, 1)
    if x.shape[1] != T * in_channels:
        raise ValueError(
            f'The input must have T*C = {T}*{in_channels} channels (or {in_channels}, shown T '
            f'times), got {x.shape[1]}: change in_channels or T of the backbone, or what makes '
            'the event tensor.'
        )
    return x.unflatten(1, (T, in_channels)).transpose(0, 1).flatten(0, 1)


def input_channels(model: nn.Module, default: int = 3) -> int:
    """Channels of the picture or event tensor that a model or backbone takes: T*C.

    Args:
        model: A backbone, or a model around one.
        default: The answer for a model whose backbone does not tell.
    """
    for module in model.modules():
        if isinstance(module, RealTime) and module.step_channels:
            return module.T * module.step_channels
    return default


def mean_over_time(x: Tensor, T: int) -> Tensor:
    """(T*B, ...) -> (B, ...): the mean of all time steps.

    Args:
        x: Time is the slow part of the batch axis.
        T: Number of real time steps.
    """
    return x.unflatten(0, (T, -1)).mean(0)
