"""The parameter names of the parity kit's BESTformer in ours."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmsfa.backbones.bestformer import STEMS

PARTS = (
    (r'attn\.([qkv])_conv\.', r'attn.\1_conv.conv.'),
    (r'attn\.([qkv])_bn\.', r'attn.\1_conv.bn.'),
    (r'attn\.proj_(conv|bn)\.', r'attn.proj.\1.'),
    (r'attn\.lambda_attn', 'attn.product.lambda_attn'),
    (r'mlp\.mlp(\d)_(conv|bn)\.', r'mlp.fc\1.\2.'),
    (r'^head\.', 'head.fc.'),
    (r'^head2\.', 'head.fc_kd.'),
)


def our_name(name: str, stem: str = 'cifar') -> str:
    """The name of a parameter of the kit in a model of ours; of a block without what is around."""
    layers = STEMS[stem]
    name = re.sub(r'^block\.', f'backbone.stages.{layers[-1][0]}.', name)
    found = re.match(r'patch_embed\.(?:block|proj)(\d?)_(conv|bn)\.(.*)', name)
    if found:
        number, kind, rest = int(found[1] or 0), found[2], found[3]
        if number == 0:
            return f'backbone.downsample_layers.0.0.{kind}.{rest}'
        at, pools = layers[number - 1]
        before = sum(other == at for other, _ in layers[: number - 1]) + (at == 0)
        within = 'conv.' if pools else ''
        return f'backbone.downsample_layers.{at}.{before}.{within}{kind}.{rest}'
    for pattern, ours in PARTS:
        name = re.sub(pattern, ours, name)
    return name


def fill(module: nn.Module, state: dict[str, np.ndarray], stem: str = 'cifar') -> None:
    """Load the parameters of a case, strictly, in float64."""
    module.double()
    own = module.state_dict()
    named = {our_name(name, stem): torch.tensor(value) for name, value in state.items()}
    named = {name: value.view_as(own[name]) for name, value in named.items()}
    module.load_state_dict(named)


def gradients(
    outputs: dict[str, Tensor],
    inputs: dict[str, Any],
    leaves: dict[str, Tensor],
    module: nn.Module | None = None,
    state: Any = (),
    stem: str = 'cifar',
) -> dict[str, Tensor]:
    """``grad:NAME`` of the sum of the means of all outputs that have a probe."""
    parameters = dict(module.named_parameters()) if module is not None else {}
    for name in state:
        if our_name(name, stem) in parameters:
            leaves = {**leaves, name: parameters[our_name(name, stem)]}
    probes = {key.removeprefix('probe:'): value for key, value in inputs.items() if ':' in key}
    loss = sum((outputs[key] * torch.tensor(probe)).mean() for key, probe in probes.items())
    assert isinstance(loss, Tensor)
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    pairs = zip(leaves.items(), found, strict=True)
    return {f'grad:{name}': torch.zeros_like(x) if g is None else g for (name, x), g in pairs}
