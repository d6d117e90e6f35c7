"""What each layer does in its model."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.compression.roles import ROLES, roles_of


def with_role(roles: dict[str, str], role: str) -> list[str]:
    return [name for name, found in roles.items() if found == role]


@pytest.mark.parametrize(
    ('config', 'readouts'),
    [
        ('det/mask_rcnn_esf_demo.py', 6),  # RPN 2, boxes 2, masks: logits, and what comes before
        ('seg/upernet_esf_demo.py', 2),
        ('cls/esf_tiny_flowers5.py', 1),
    ],
)
def test_roles_of_our_models(repo_dir: Path, config: str, readouts: int) -> None:
    model = build_model(Config.fromfile(repo_dir / 'configs' / config))
    roles = roles_of(model)
    assert with_role(roles, 'stem') == ['backbone.downsample_layers.0.conv']
    qkv = with_role(roles, 'qkv')
    assert qkv and all(name.split('.')[-2] in ('q_conv', 'k_conv', 'v_conv') for name in qkv)
    depthwise = with_role(roles, 'depthwise')
    assert depthwise and all(model.get_submodule(name).groups > 1 for name in depthwise)
    found = with_role(roles, 'readout')
    assert len(found) in (readouts, readouts - 1) and not any('backbone' in n for n in found)
    assert set(roles.values()) <= set(ROLES)
    products = (nn.Conv2d, nn.Linear, nn.ConvTranspose2d)
    assert set(roles) == {n for n, m in model.named_modules() if isinstance(m, products)}


def test_roles_of_others() -> None:
    init_default_scope('mmpretrain')
    swin = MODELS.build(dict(type='SwinTransformer', arch='tiny'))
    roles = roles_of(swin)
    assert with_role(roles, 'stem') == ['patch_embed.projection']
    assert all(name.endswith('.qkv') for name in with_role(roles, 'qkv'))
    assert len(with_role(roles, 'qkv')) == 12
    resnet = roles_of(MODELS.build(dict(type='ResNet', depth=18)))
    assert with_role(resnet, 'stem') == ['conv1'] and not with_role(resnet, 'qkv')
