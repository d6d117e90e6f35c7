from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmsfa.engine import CPUAmpOptimWrapper


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 1)

    def extract_feat(self, x: Tensor) -> tuple[Tensor]:
        self.inner = self.backbone(x)
        return (self.inner,)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(*self.extract_feat(x))


def test_features_are_bfloat16_and_heads_float32() -> None:
    model = Detector()
    wrapper = CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.backbone.weight.clone()
    with wrapper.optim_context(model):
        out = model(torch.randn(2, 3, 8, 8))
    assert model.inner.dtype is torch.bfloat16
    assert out.dtype is torch.float32
    wrapper.update_params(out.mean())
    assert model.backbone.weight.dtype is torch.float32
    assert not torch.equal(model.backbone.weight, before)
    model(torch.randn(2, 3, 8, 8))
    assert model.inner.dtype is torch.float32  # nothing is left behind


def test_nested_contexts_restore_what_they_found() -> None:
    model = Detector()
    wrapper = CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    x = torch.randn(2, 3, 8, 8)
    with wrapper.optim_context(model):
        with pytest.raises(ValueError, match='bug'), wrapper.optim_context(model):
            raise ValueError('bug')
        model(x)
        assert model.inner.dtype is torch.bfloat16  # the outer one goes on
    assert 'extract_feat' not in vars(model)
    model.extract_feat = original = model.extract_feat  # another one's wrapper
    with wrapper.optim_context(model):
        model(x)
    assert model.inner.dtype is torch.bfloat16 and model.extract_feat is original


def test_a_model_without_features_is_autocast_whole() -> None:
    model = nn.Linear(2, 2)
    wrapper = CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with wrapper.optim_context(model):
        assert model(torch.ones(1, 2)).dtype is torch.bfloat16
