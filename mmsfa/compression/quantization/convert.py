"""Quantise the layers of a model, when it is built or once it is trained."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from mmcv.cnn import ConvModule
from mmengine.logging import print_log
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.layers.effective_weight import is_plain
from mmsfa.model_parts import build_inner

from .layers import QuantConv1d, QuantConv2d, QuantConvTranspose2d, QuantLinear
from .policy import Choice, choose
from .quantized_layer import QuantizedLayer, build_quantizer
from .quantizer import QuantizationError

Model = TypeVar('Model', bound=nn.Module)

_KINDS: dict[type[nn.Module], type[QuantizedLayer]] = {
    nn.Conv1d: QuantConv1d,
    nn.Conv2d: QuantConv2d,
    nn.ConvTranspose2d: QuantConvTranspose2d,
    nn.Linear: QuantLinear,
}


def quantize(model: Model, quantization: Mapping[str, Any] | int) -> Model:
    """Let the layers of a model multiply with quantised weights, in place.

    The parameters stay the same objects under the same names, in floating point: optimisers,
    initialisation, checkpoints and hooks see no difference, and training goes on. Layers that are
    quantised already stay as they are. What multiplies by weights and is no ordinary convolution
    or linear layer (deformable convolution, attention of PyTorch, layers of spike times) stays in
    floating point and is named in the log; so does a layer whose weight is multiplied with by the
    module that holds it (queries, keys and values of BEiT and Swin V2).

    Args:
        model: A model of mmdet, mmseg or mmpretrain, or a part of one.
        quantization: See :func:`~mmsfa.compression.quantization.policy.choose`.

    Returns:
        The model.

    Raises:
        QuantizationError: The settings fit no layer, none is left to quantise, or all have other
            quantisers already.
        ValueError: A setting of a quantiser is out of its range.
    """
    chosen = choose(model, quantization)
    done: dict[str, Choice] = {}
    left: list[str] = []
    others: list[str] = []
    for name, choice in chosen.items():
        layer = model.get_submodule(name)
        if choice.setting is None:
            continue
        if isinstance(layer, QuantizedLayer):
            if layer.quantizer.settings() != build_quantizer(choice.setting).settings():
                others.append(name)
            continue
        reader = _reader_of_weight(model, name)
        if reader is not None:
            left.append(f'{name} ({reader} reads its weight)')
        elif _quantize_layer(layer, choice.setting):
            done[name] = choice
        else:
            left.append(f'{name} ({type(layer).__name__})')
    if not done and others:
        name = others[0]
        raise QuantizationError(
            f'quantization changes nothing: {name} and {len(others) - 1} other layers are built '
            f'with other quantisers ({_text_of(model.get_submodule(name))}) and stay as they are. '
            'Set the bits where the model has them, or leave quantization out.'
        )
    if not done and not any(isinstance(m, QuantizedLayer) for m in model.modules()):
        raise QuantizationError(
            f'quantization leaves every layer of {type(model).__name__} in floating point: '
            + (
                f'{", ".join(left)} are no ordinary convolutions or linear layers.'
                if left
                else 'set quantization.default to a number of bits.'
            )
        )
    for module in model.modules():
        if isinstance(module, ConvModule) and isinstance(module.conv, QuantizedLayer):
            # It would scale the float weight by the BN, and multiply with that.
            module.turn_on_efficient_conv_bn_eval(False)
    print_log(_summary(done, left), 'current')
    return model


def _reader_of_weight(model: nn.Module, name: str) -> str | None:
    """The class of what holds a layer if it takes the weight and multiplies by itself.

    The layer does not run then, so that only the code tells.
    """
    path, _, last = name.rpartition('.')
    owner = type(model.get_submodule(path))
    try:
        code = inspect.getsource(owner.forward)
    except (OSError, TypeError):  # there is no file of it
        return None
    reads = rf'\bself\.{re.escape(last)}\.weight\b(?!\.(dtype|device|shape|size|new))'
    return owner.__name__ if re.search(reads, code) else None


def _quantize_layer(layer: nn.Module, setting: int | dict) -> bool:
    """Whether the layer could be quantised; it has become an object of another class."""
    kind = next((to for plain, to in _KINDS.items() if isinstance(layer, plain)), None)
    if kind is None or not is_plain(layer):
        return False
    quantizer = build_quantizer(setting)  # before the layer is touched: it may refuse
    quantized: Any = layer
    quantized.__class__ = kind
    quantized.quantize_with(quantizer)
    return True


def _summary(done: dict[str, Choice], left: list[str]) -> str:
    found = Counter((choice.role, _text(choice.setting)) for choice in done.values())
    parts = [f'{count} {role} at {text}' for (role, text), count in found.items()]
    floating = f'; in floating point stay {", ".join(left)}' if left else ''
    return f'Quantized {len(done)} layers: {", ".join(parts)}{floating}.'


def _text_of(layer: Any) -> str:
    return f'{type(layer.quantizer).__name__}({layer.quantizer.extra_repr()})'


def _text(setting: Any) -> str:
    if isinstance(setting, int):
        return f'{setting} bit'
    kind = str(setting.get('type', '')).rpartition('.')[2]
    return f'{kind}({", ".join(f"{k}={v}" for k, v in setting.items() if k != "type")})'


@MODELS.register_module(name='Quantized')
def build_quantized(
    of: dict | nn.Module,
    quantization: Mapping[str, Any] | int,
    data_preprocessor: Any = None,
    **settings: Any,
) -> nn.Module:
    """Build a model and quantise it; its name in a config is ``mmpretrain.Quantized``.

    Args:
        of: Config of the model, in the default scope of the whole config; or the model.
        quantization: See :func:`quantize`.
        data_preprocessor: Of the model, where ``of`` has none: mmengine puts the one from the top
            of a config here.
        **settings: None: settings of the model belong into ``of``.

    Returns:
        The model, an instance of its own class.

    Raises:
        QuantizationError: The settings fit no layer.
        ValueError: There are others.
    """
    takes = '`of` and `quantization`'
    model = build_inner('Quantized', of, data_preprocessor, settings, takes)
    return quantize(model, quantization)
