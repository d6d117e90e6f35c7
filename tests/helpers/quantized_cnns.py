"""The published networks of Q-SNN and QP-SNN, built of our parts and filled by the parity kit."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.compression.quantization import BinaryQuantizer, QuantizedLayer
from mmsfa.converters import convert_cnn

EIGHT_BIT = dict(type='mmpretrain.UniformQuantizer', bits=8, scale='signed_max', per='layer')
BINARY = dict(type='mmpretrain.BinaryQuantizer', scale='power_of_two', gradient='anneal')
NEURON = dict(type='mmpretrain.LIF', tau=2.0, decay_input=False, surrogate='triangle', strict=True)


def classifier(backbone: dict, head: dict, quantization: dict, neck: dict | None = None) -> Any:
    """An ``ImageClassifier`` with a head for each step, its layers quantised."""
    init_default_scope('mmpretrain')
    of = dict(type='ImageClassifier', backbone=backbone, neck=neck, head=head)
    return MODELS.build(dict(type='Quantized', of=of, quantization=quantization))


def resnet(config: dict[str, Any], conv_cfg: dict | None = None) -> Any:
    """Q-SNN's, with the settings of a case."""
    state = dict(type='UniformState', bits=config['bits_u'], squash='tanh', scale='batch')
    model = classifier(
        dict(
            type='SpikingResNet',
            width=config['width'],
            depths=config['layers'],
            neuron_cfg=dict(NEURON, state_quant=state),
            T=config['T'],
            out_time='batch',
        ),
        dict(
            type='TemporalLinearClsHead',
            num_classes=config['classes'],
            in_channels=4 * config['width'],
            T=config['T'],
            each_step=True,
        ),
        dict(default=BINARY, stem=EIGHT_BIT, readout=EIGHT_BIT),
        dict(type='GlobalAveragePooling'),
    )
    for name, module in model.named_modules():
        if isinstance(module, BinaryQuantizer):
            down = 'downsample' in name
            module.t = config['t_down'] if down else config['t']
            module.k = config['k_down'] if down else config['k']
    return model


def vgg(config: dict[str, Any]) -> Any:
    """QP-SNN's, with the settings of a case."""
    plan = [*config['cfg'], 'A']  # the pooling in front of the classifier
    size = config['img'] // 2 ** sum(isinstance(step, str) for step in plan)
    width = next(step for step in reversed(plan) if isinstance(step, int))
    rescaw = dict(
        type='mmpretrain.ReScaWQuantizer', bits=config['bits'], scale='mean', gradient='released'
    )
    return classifier(
        dict(type='SpikingVGG', plan=plan, stem_bias=True, T=config['T'], out_time='batch'),
        dict(
            type='TemporalLinearClsHead',
            num_classes=config['classes'],
            in_channels=width * size**2,
            T=config['T'],
        ),
        dict(default=rescaw, stem=None, readout=None),
    )


def filled(model: nn.Module, state: dict[str, Any]) -> nn.Module:
    """A model with the parameters of a case, float64, in evaluation mode."""
    weights, unknown = convert_cnn({name: torch.tensor(array) for name, array in state.items()})
    assert not unknown
    model.load_state_dict(weights)
    return model.double().eval()


def gradients(model: nn.Module, names: list[str]) -> dict[str, Tensor]:
    """``grad:NAME`` of each published name that is a parameter of the model."""
    grads = {name: p.grad for name, p in model.named_parameters()}
    found = {}
    for name in names:
        if name.startswith('grad:'):
            published = name.removeprefix('grad:')
            (ours,) = convert_cnn({published: torch.zeros(1)})[0]
            found[name] = grads[ours]
    return found


def quantized_layers(model: nn.Module) -> list[str]:
    """Names of the quantised layers."""
    return [name for name, m in model.named_modules() if isinstance(m, QuantizedLayer)]
