"""The norms behind the backbone's maps stand behind sums: no convolution takes them over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.backbones import ESpikeFormer
from mmsfa.export.onnx.export import export_model
from mmsfa.export.onnx.integer import to_integer
from mmsfa.export.onnx.runtime import Session
from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.layers.fold import fold

Fill = Callable[[nn.Module], nn.Module]
ARCHS = dict(
    base=dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1)),
    large=dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 2)),
    bare=dict(channels=(8, 16, 16, 24), depths=(1, 1, 0, 1, 0)),  # a norm right behind a norm
)


@pytest.mark.parametrize('arch', ARCHS)
@torch.no_grad()
def test_a_folded_backbone_gives_the_same_maps(lively_weights: Fill, arch: str) -> None:
    maps = (1, 3) if arch == 'large' else (0, 2, 4)
    model = ESpikeFormer(ARCHS[arch], out_indices=maps, out_norm=True)
    model = lively_weights(model).double().eval()
    folded, x = fold(model), torch.randn(2, 3, 64, 96, dtype=torch.float64)
    left = {name for name, m in folded.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert left == {f'out_norms.{i}' for i in maps}
    for ours, theirs in zip(folded(x), model(x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.slow
@torch.no_grad()
def test_graphs_of_a_detector_bit_for_bit(small_config: Callable, bytes_exact: Fill) -> None:
    cfg = small_config('detector')
    cfg.model.backbone.out_norm = True
    model = bytes_exact(build_model(cfg))
    assert len(model.backbone.out_norms) == 4
    graph = export_model(model)
    image = torch.randint(-16, 17, (2, 3, 64, 128)) / 8
    expected = TensorPart(model)(image)
    for one in (graph, to_integer(graph)):
        for ours, theirs in zip(Session(one)(image), expected, strict=True):
            assert theirs.unique().numel() > 3
            assert torch.equal(ours, theirs)
