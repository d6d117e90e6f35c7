"""BESTformer gives the numbers of the published code, in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers import SpikeTransformerBlock
from mmsfa.layers.attention import BinaryMapAttention
from mmsfa.layers.coupling import Reversible
from mmsfa.neurons import LIF
from mmsfa.spiking import observe
from tests.helpers.bestformer_names import fill, gradients
from tests.helpers.seeds import seeds

Found = dict[str, Any]
GROUPS = ('lif', 'attention', 'block', 'model')
CASES = [
    *(f'best_lif/{name}' for name in ('hard_T4', 'soft_T4', 'half_T6', 'ties')),
    *(f'best_attention/{name}' for name in ('core_qk', 'core_kv', 'core_qk_T2')),
    *(f'best_attention/module_{name}' for name in ('qk', 'kv', 'qk_bn_train')),
    *(f'best_block/{name}' for name in ('qk', 'qk_inverse', 'qk_first', 'kv', 'kv_inverse')),
    *(f'best_model/{name}' for name in ('cifar_small', 'imagenet_small', 'cifar_4_384')),
]


def layers(T: int) -> Found:
    quantizer = dict(type='mmpretrain.BinaryQuantizer', scale='none')
    return dict(
        conv_cfg=dict(type='mmpretrain.QuantConv2d', quantizer=quantizer),
        norm_cfg=dict(type='BN'),
        neuron_cfg=dict(type='mmpretrain.LIF', T=T, detach_reset=True),
    )


def leaf(array: Any) -> Tensor:
    return torch.tensor(array, requires_grad=True)


def lif(inputs: Found, config: Found, state: None) -> Found:
    x = leaf(inputs['x'])
    neuron = LIF(len(x), detach_reset=True, **config)
    spikes = neuron(x.flatten(0, 1) if x.dim() > 2 else x).view_as(x)
    membrane, stored = None, []
    for step in x.detach():
        _, membrane = neuron.fire_one_step(step, membrane)
        stored.append(membrane)
    return dict(s=spikes, v=torch.stack(stored), **gradients(dict(s=spikes), inputs, dict(x=x)))


def core(inputs: Found, config: Found, state: None) -> Found:
    q, k, v, lam = (leaf(inputs[name]) for name in ('q', 'k', 'v', 'lam'))
    T, B, heads, _, d = q.shape
    attention = BinaryMapAttention(heads * d, heads, config['map'], **layers(T)).double()
    product, fire = attention.product, attention.proj.activate
    del product.lambda_attn
    product.lambda_attn = lam
    # (T, B, heads, N, d) -> (T*B, heads, d, N)
    ours = [one.flatten(0, 1).transpose(-2, -1) for one in (q, k, v)]
    first, second = (1, 0) if config['map'] == 'qk' else (2, 1)
    scores = attention.scores(ours[first], ours[second])
    chosen = attention.map_neuron(scores)
    y = product(ours[2], chosen) if config['map'] == 'qk' else product(chosen, ours[0])
    out = fire(y.flatten(1, 2))
    return dict(
        scores=scores.transpose(-2, -1),
        map=chosen.transpose(-2, -1),
        y=y,
        out=out,
        **gradients(dict(out=out.unflatten(0, (T, B))), inputs, dict(q=q, k=k, v=v, lam=lam)),
    )


def attention(inputs: Found, config: Found, state: Found) -> Found:
    x, heads = leaf(inputs['x']), config['heads']
    module = BinaryMapAttention(config['dim'], heads, config['map'], **layers(config['T']))
    holder = nn.Module()
    holder.attn = module
    fill(holder, {f'attn.{name}': value for name, value in state.items()})
    module.train(config['bn'] == 'train')
    seen: Found = {}
    watched = dict(
        s=module.neuron, scores=module.scores, map=module.map_neuron, y=module.product,
        spikes_out=module.proj.activate,
    )  # fmt: skip
    watched |= dict(q=module.q_conv, k=module.k_conv, v=module.v_conv)
    for name, part in watched.items():
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    out = module(x.flatten(0, 1))
    for name in ('scores', 'map'):
        seen[name] = seen[name].transpose(-2, -1)
    names = {f'attn.{name}': None for name in state}
    found = gradients(dict(out=out.view_as(x)), inputs, dict(x=x), holder, names)
    return dict(seen, out=out, **{key.replace('attn.', ''): value for key, value in found.items()})


def a_block(config: Found, state: Found) -> tuple[SpikeTransformerBlock, Reversible]:
    attn = dict(type='mmpretrain.BinaryMapAttention', num_heads=config['heads'], map=config['map'])
    coupling = Reversible()
    cfg = dict(layers(config['T']), mlp_ratio=config['mlp_ratio'], mlp_bias=False)
    block = SpikeTransformerBlock(config['dim'], attn, local=None, coupling=coupling, **cfg)
    fill(block, state)
    return block.eval(), coupling


def block(inputs: Found, config: Found, state: Found) -> Found:
    made, coupling = a_block(config, state)
    x = {name: leaf(inputs[name]) for name in ('x0', 'x1') if name in inputs}
    streams = coupling.begin(x['x1'].flatten(0, 1))
    if 'x0' in x:
        streams = x['x0'].flatten(0, 1), streams[1]
    x2, x3 = (one.view_as(x['x1']) for one in made(streams))
    outs = dict(x2=x2, x3=x3)
    return dict(outs, **gradients(outs, inputs, x, made, state))


def inverse(inputs: Found, config: Found, state: Found) -> Found:
    made, coupling = a_block(config, state)
    streams = tuple(torch.tensor(inputs[name]).flatten(0, 1) for name in ('x2', 'x3'))
    for branch in reversed(made.branches()):
        streams = coupling.part(streams, branch)
    return dict(zip(('x0', 'x1'), streams, strict=True))


def network(inputs: Found, config: Found, state: Found) -> Found:
    stem = 'cifar' if config['map'] == 'qk' else 'imagenet'
    at = dict(cifar=0, imagenet=2)[stem]
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='BESTformer',
                channels=config['dim'],
                depth=config['depth'],
                num_heads=config['heads'],
                map=config['map'],
                mlp_ratio=config['mlp_ratio'],
                T=config['T'],
                out_indices=(at,),
                out_streams='both',
            ),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='TwoStreamLinearClsHead',
                num_classes=config['classes'],
                in_channels=2 * config['dim'],
            ),
        )
    )
    fill(model, state, stem)
    model.eval()
    seen: Found = {}
    rates = []
    stages = model.backbone.stages[at]
    model.backbone.downsample_layers[at].register_forward_hook(
        lambda _m, _i, out: seen.update({'stage:tokens': out})
    )
    for i, one in enumerate(stages):
        one.register_forward_hook(
            lambda _m, _i, out, i=i: seen.update(
                {f'stage:block{i}.x2': out[0], f'stage:block{i}.x3': out[1]}
            )
        )
    x = leaf(inputs['x'])
    with observe(model, neuron=lambda name, neuron, out: rates.append(out.detach().mean())):
        features = model.extract_feat(x)
    heads = dict(zip(('head1', 'head2'), model.head.forward_heads(features), strict=True))
    found = dict(seen, rates=torch.stack(rates), logits=model.head(features), **heads)
    if config.get('grad', True):
        found |= gradients(heads, inputs, dict(x=x), model, state, stem)
    return found


ADAPTERS: dict[str, Callable[[Found, Found, Any], Found]] = {
    'best.lif': lif,
    'best.attn_core': core,
    'best.attention': attention,
    'best.block': block,
    'best.block_inverse': inverse,
    'best.model': network,
}


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check(ADAPTERS[case.op])


def test_every_case_is_tried(shared_dir: Path) -> None:
    kit = seeds(shared_dir)
    assert {name for group in GROUPS for name in kit.names(f'best_{group}/')} == set(CASES)
