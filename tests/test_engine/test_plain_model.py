"""The model inside of its wrappers."""

from __future__ import annotations

from types import SimpleNamespace

from mmengine.model import BaseModel, BaseTTAModel
from torch import nn

from mmsfa.engine.plain_model import plain_model


class Model(BaseModel):
    """Has a module, which is no wrapper's."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Identity()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


class Average(BaseTTAModel):
    """Test-time augmentation."""

    def merge_preds(self, data_samples_list: list) -> list:
        return data_samples_list


def test_every_wrapper_is_taken_off_and_nothing_else() -> None:
    model = Model()
    wrapped = [model, nn.DataParallel(model), Average(model), nn.DataParallel(Average(model))]
    for one in wrapped:
        assert plain_model(SimpleNamespace(model=one)) is model
