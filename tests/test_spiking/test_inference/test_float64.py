"""A model in double precision for a while."""

from __future__ import annotations

import sys

import mmcv.ops
import pytest
import torch
from torch import Tensor, nn

from mmsfa.spiking import in_float64


class Preprocessor(nn.Module):
    """Hands on what it gets, as mmengine's do."""

    def forward(self, data: dict) -> dict:
        return data


class Model(nn.Module):
    """A layer behind a preprocessor."""

    def __init__(self) -> None:
        super().__init__()
        self.data_preprocessor, self.fc = Preprocessor(), nn.Linear(3, 2)

    def forward(self, data: dict) -> Tensor:
        inputs = self.data_preprocessor(data)['inputs']
        return self.fc(torch.stack(inputs) if isinstance(inputs, list) else inputs)


@pytest.mark.parametrize('as_list', [False, True])
def test_pictures_and_weights_are_wide_inside_and_the_same_bits_afterwards(as_list: bool) -> None:
    model, x = Model(), torch.randn(4, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    data = dict(inputs=list(x) if as_list else x, data_samples=None)
    with in_float64(model) as same:
        assert same is model
        out = model(data)
        fc = model.fc
        assert out.dtype == fc.weight.dtype == torch.float64
        assert torch.equal(out, x.double() @ fc.weight.T + fc.bias)
    assert data['inputs'][0].dtype == torch.float32, 'the pictures themselves stay'
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model(data).dtype == torch.float32


def test_a_pass_that_fails_leaves_a_float32_model() -> None:
    model, extension = Model(), sys.modules['mmcv._ext']
    nms, narrow = extension.nms, torch.ones(1, 3)
    with in_float64(model):
        assert extension.nms is not nms
    with pytest.raises(RuntimeError, match='same dtype'), in_float64(model):
        model.fc(narrow)
    assert model.fc.weight.dtype == torch.float32 and not model.data_preprocessor._forward_hooks
    assert extension.nms is nms


def test_suppression_gets_rounded_numbers() -> None:
    boxes = torch.tensor([[0, 0, 4, 4], [8, 8, 12, 12], [0, 0, 4, 4]]).double()
    scores = torch.tensor([0.5, 0.5 + 1e-12, 0.25], dtype=torch.float64)
    with in_float64(nn.Linear(1, 1)):
        _, kept = mmcv.ops.nms(boxes, scores, 0.5)
        # equal scores in float32: the first one comes first
        assert kept.tolist() == [0, 1]
        dets, kept = mmcv.ops.soft_nms(boxes, scores, 0.5, min_score=0.3)
        assert kept.tolist() == [0, 1]
    # what it writes into comes back in float64
    assert dets.dtype == torch.float64
    assert dets.tolist() == [[0, 0, 4, 4, 0.5], [8, 8, 12, 12, 0.5]]


def test_what_a_head_makes_by_itself_is_wide_too() -> None:
    """Grids, priors and encodings of positions, of no type or float32."""
    fc = nn.Linear(3, 2)
    with in_float64(fc):
        assert fc(torch.ones(1, 3)).dtype == torch.linspace(0, 1, 3).dtype == torch.float64
        mask = torch.ones(2) > 0
        asked = (
            mask.cumsum(0, dtype=torch.float32),
            mask.float(),
            mask.to(torch.float32),
            torch.arange(3, dtype=torch.float32),
        )
        assert all(one.dtype == torch.float64 for one in asked)
    assert torch.ones(1).dtype == torch.float32
    with pytest.raises(KeyError), in_float64(fc):
        raise KeyError
    assert torch.get_default_dtype() == fc.weight.dtype == torch.float32
