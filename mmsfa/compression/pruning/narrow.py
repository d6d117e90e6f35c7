"""Take channels out of the layers of a model, trained or just built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from mmcv.cnn import ConvModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from mmsfa.compression.quantization.quantized_layer import SCALE, QuantizedLayer
from mmsfa.layers import RepConv
from mmsfa.model_parts import build_inner

from .widths import PruningError

Model = TypeVar('Model', bound=nn.Module)
Widths = Mapping[str, Sequence[int]]


class Kept(NamedTuple):
    """Channels of a module that stay, ascending; None is all.

    Attributes:
        outs: Those that it gives; of a norm, a scale or a depthwise convolution its own.
        ins: Those that it reads.
    """

    outs: list[int] | None = None
    ins: list[int] | None = None


def is_depthwise(layer: object) -> bool:
    """Whether a layer is a convolution of each channel by itself."""
    return (
        isinstance(layer, _ConvNd) and 1 < layer.groups == layer.in_channels == layer.out_channels
    )


def narrow(model: Model, kept: Mapping[str, Kept]) -> Model:
    """Leave some channels of some modules, in place; all other tensors stay the same objects.

    Args:
        model: Any model.
        kept: What stays, by the name of a layer, norm or parameter.

    Returns:
        The model.
    """
    for name, channels in kept.items():
        owner, part = _find(model, name)
        if isinstance(part, nn.Parameter):
            _cut(owner, name.rpartition('.')[2], part.shape.index(part.numel()), channels.outs)
        elif isinstance(part, (_ConvNd, nn.Linear)):
            _narrow_layer(part, channels)
        elif isinstance(part, _BatchNorm):
            for key in ('weight', 'bias', 'running_mean', 'running_var'):
                _cut(part, key, 0, channels.outs)
            part.num_features = len(channels.outs or ())
        else:  # it makes maps of this width
            part.out_channels = len(channels.outs or ())
    _tell_owners(model)
    return model


def _find(model: nn.Module, name: str) -> tuple[nn.Module, Any]:
    path, _, last = name.rpartition('.')
    owner = model.get_submodule(path)
    return owner, getattr(owner, last)


def _narrow_layer(layer: _ConvNd | nn.Linear, channels: Kept) -> None:
    outs, ins = channels
    transposed = isinstance(layer, _ConvNd) and layer.transposed and not is_depthwise(layer)
    depthwise = is_depthwise(layer)
    _cut(layer, 'weight', 1 if transposed else 0, outs)
    _cut(layer, 'bias', 0, outs)
    if not depthwise:
        _cut(layer, 'weight', 0 if transposed else 1, ins)
    scale = layer.weight_scale if isinstance(layer, QuantizedLayer) else None
    if scale is not None and len(scale) > 1:  # of each filter
        _cut(layer, SCALE, 0, outs)
    names = ('in_features', 'out_features')
    if isinstance(layer, _ConvNd):
        names = ('in_channels', 'out_channels')
    for attribute, stay in zip(names, (outs if depthwise else ins, outs), strict=True):
        if stay is not None:
            setattr(layer, attribute, len(stay))
    if depthwise and outs is not None:
        layer.groups = len(outs)


def _cut(owner: nn.Module, name: str, axis: int, stay: list[int] | None) -> None:
    """Leave some rows of a parameter or buffer."""
    values = getattr(owner, name, None)
    if values is None or stay is None:
        return
    rows = values.detach().index_select(axis, torch.tensor(stay, device=values.device)).clone()
    if isinstance(values, nn.Parameter):
        rows = nn.Parameter(rows, requires_grad=values.requires_grad)
    setattr(owner, name, rows)


def _tell_owners(model: nn.Module) -> None:
    """Bricks and re-parameterised branches keep the widths of their layers beside them."""
    for module in model.modules():
        if isinstance(module, ConvModule):
            module.in_channels = module.conv.in_channels
            module.out_channels = module.conv.out_channels
        elif isinstance(module, RepConv):
            _tell_branches(module)


def _tell_branches(module: Any) -> None:
    merged = 'conv' in module._modules
    module.in_features = (module.conv if merged else module.conv1.conv).in_channels
    module.out_features = (module.conv if merged else module.conv2.conv).out_channels


def widths_of(model: nn.Module, names: Sequence[str]) -> dict[str, list[int]]:
    """The widths of some modules: [out, in] of a layer, [n] of anything else.

    Args:
        model: Any model.
        names: Of layers, norms and parameters.
    """
    return {name: list(_widths(_find(model, name)[1])) for name in names}


def _widths(part: Any) -> tuple[int, ...]:
    if isinstance(part, nn.Parameter):
        return (part.numel(),)
    if isinstance(part, _BatchNorm):
        return (part.num_features,)
    if is_depthwise(part):
        return (part.out_channels,)
    if isinstance(part, nn.Linear):
        return part.out_features, part.in_features
    if isinstance(part, _ConvNd):
        return part.out_channels, part.in_channels
    return (part.out_channels,)


def narrow_to(model: Model, widths: Widths) -> Model:
    """Give the modules of a model, just built, the widths of a pruned one, in place.

    The first channels stay: the weights come from a checkpoint.

    Args:
        model: The model at its full width.
        widths: See :func:`widths_of`.

    Returns:
        The model.

    Raises:
        PruningError: A module is not there, or no wider than that.
    """
    kept = {}
    for name, wanted in widths.items():
        try:
            have = _widths(_find(model, name)[1])
        except AttributeError:
            raise PruningError(
                f'widths names {name}, which {type(model).__name__} lacks: `of` must be the config '
                'of the model that was pruned.'
            ) from None
        numbers = tuple(wanted)
        if len(numbers) != len(have) or not all(
            isinstance(n, int) and 0 < n <= full for n, full in zip(numbers, have, strict=True)
        ):
            raise PruningError(
                f'widths gives {name} {list(numbers)} channels, and it has {list(have)} in the '
                'model: `of` must be the config of the model that was pruned.'
            )
        rows = [list(range(n)) if n < full else None for n, full in zip(numbers, have, strict=True)]
        kept[name] = Kept(*rows)
    return narrow(model, {name: one for name, one in kept.items() if one != Kept()})


@MODELS.register_module(name='Pruned')
def build_pruned(
    of: dict | nn.Module,
    widths: Widths,
    data_preprocessor: Any = None,
    **settings: Any,
) -> nn.Module:
    """Build a model and make it as narrow as a pruned one; in a config ``mmpretrain.Pruned``.

    ``tools/model_compression/prune.py`` writes it. It needs no torch-pruning.

    Args:
        of: Config of the model at its full width, in the default scope of the whole config; or
            the model.
        widths: [out, in] of each layer and [n] of each norm that became narrower, by its name.
        data_preprocessor: Of the model, where ``of`` has none: mmengine puts the one from the top
            of a config here.
        **settings: None: settings of the model belong into ``of``.

    Returns:
        The model, an instance of its own class.

    Raises:
        PruningError: The widths do not fit the model.
        ValueError: There are other settings.
    """
    model = build_inner('Pruned', of, data_preprocessor, settings, '`of` and `widths`')
    return narrow_to(model, widths)


def freeze_scales(model: nn.Module, names: Sequence[str]) -> None:
    """Keep the scales of quantised layers as they are now.

    A scale that is a mean over the inputs of a filter would change with the inputs that go.

    Args:
        model: Any model.
        names: Of layers; those that are not quantised have no scale.
    """
    for name in names:
        part = _find(model, name)[1]
        if isinstance(part, QuantizedLayer) and part.weight_scale is None:
            part.fix_scale()


def as_tensor(channels: Sequence[int], size: int, like: Tensor) -> Tensor:
    """1 at the channels that stay and 0 at the others, (size,)."""
    mask = like.new_zeros(size)
    mask[list(channels)] = 1
    return mask
