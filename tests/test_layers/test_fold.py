"""Folded models compute the same, and nothing is folded that does not belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.config import Config
from mmpretrain.models.backbones.repvgg import RepVGGBlock
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.apis.trained_model import build_model
from mmsfa.compression.quantization import quantize
from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.layers.fold import fold, merge_branches

Lively = Callable[[nn.Module], nn.Module]
CONFIGS = (
    'det/mask_rcnn_esf_demo.py',
    'seg/upernet_esf_demo.py',
    'cls/esf_tiny_flowers5.py',
)


def batch_norms(model: nn.Module) -> int:
    return sum(isinstance(module, _BatchNorm) for module in model.modules())


def assert_same(outputs: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    for ours, theirs in zip(outputs, expected, strict=True):
        assert theirs.abs().max() > 0
        assert (ours - theirs).abs().max() <= 1e-12 * theirs.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize('config', CONFIGS)
@torch.no_grad()
def test_whole_models_in_float64(repo_dir: Path, lively_weights: Lively, config: str) -> None:
    model = lively_weights(build_model(Config.fromfile(repo_dir / 'configs' / config))).double()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    part, folded = TensorPart(model), TensorPart(fold(model))
    left = [name for name, module in folded.named_modules() if isinstance(module, _BatchNorm)]
    # Behind a sum, or put behind a linear layer by a hook: no convolution stands in front.
    left = [name for name in left if 'out_norms' not in name and 'fc_norms' not in name]
    assert batch_norms(model) > 50 and not left
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    assert_same(folded(image), part(image))
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


@torch.no_grad()
def test_the_second_stage_of_a_detector(repo_dir: Path, lively_weights: Lively) -> None:
    model = lively_weights(build_model(Config.fromfile(repo_dir / 'configs' / CONFIGS[0]))).double()
    regions = 3 * torch.randn(2, 64, 14, 14, dtype=torch.float64)
    head, folded = model.roi_head.mask_head, fold(model.roi_head.mask_head)
    assert batch_norms(head) > 0 == batch_norms(folded)
    assert_same((folded(regions),), (head(regions),))


BRICKS = {
    'transposed': ConvModule(4, 6, 3, conv_cfg=dict(type='deconv'), norm_cfg=dict(type='BN')),
    'neuron in front': ConvModule(
        4,
        6,
        3,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='mmpretrain.SFA'),
        order=('act', 'conv', 'norm'),
    ),
    'sequence': nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()),
    'transposed sequence': nn.Sequential(nn.ConvTranspose2d(4, 6, 2), nn.BatchNorm2d(6)),
    'RepVGG': RepVGGBlock(4, 4),
}
NOT_FOLDED = {
    'norm first': ConvModule(4, 4, 3, norm_cfg=dict(type='BN'), order=('norm', 'conv', 'act')),
    'neuron between': ConvModule(4, 6, 3, norm_cfg=dict(type='BN'), order=('conv', 'act', 'norm')),
    'ReLU between': nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)),
    'grouped transposed': nn.Sequential(nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)),
}


@pytest.mark.parametrize('name', [*BRICKS, *NOT_FOLDED])
@torch.no_grad()
def test_bricks(lively_weights: Lively, name: str) -> None:
    module = lively_weights({**BRICKS, **NOT_FOLDED}[name]).double().eval()
    folded = fold(module)
    assert (batch_norms(folded) == 0) == (name in BRICKS)
    x = 3 * torch.randn(2, 4, 8, 9, dtype=torch.float64)
    assert_same((folded(x),), (module(x),))


@torch.no_grad()
def test_statistics_of_the_batch() -> None:
    module = nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, track_running_stats=False))
    module.double().eval()
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    assert_same((fold(module)(x),), (module(x),))


@torch.no_grad()
def test_a_convolution_that_two_norms_share(lively_weights: Lively) -> None:
    first, second = (ConvModule(4, 4, 3, padding=1, norm_cfg=dict(type='BN')) for _ in range(2))
    module = lively_weights(nn.Sequential(first, second)).double().eval()
    second.conv = first.conv
    x = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    assert_same((fold(module)(x),), (module(x),))


def test_a_model_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r'Folding needs .* evaluation mode.*call model\.eval'):
        fold(BRICKS['sequence'].train())


@torch.no_grad()
def test_branches_with_quantised_weights_are_not_merged(lively_weights: Lively) -> None:
    block = quantize(lively_weights(RepVGGBlock(4, 4)), dict(default=2, stem=2)).double().eval()
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    wanted = block(x)
    assert_same((fold(block)(x),), (wanted,))
    merge_branches(block)
    assert torch.equal(block(x), wanted)
