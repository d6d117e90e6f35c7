"""What a training step keeps and what fits."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsfa.apis.training_memory import (
    Fit,
    build,
    config_of,
    context_of,
    fit_line,
    kept_bytes,
    loss_of,
    peak_bytes,
    real_batch,
)
from mmsfa.errors import OptionError

CONFIG = 'configs/det/mask_rcnn_esf_demo.py'


@pytest.fixture
def cfg(repo_dir) -> Config:
    return Config.fromfile(repo_dir / CONFIG)


def test_a_map_is_weighed_to_the_byte() -> None:
    square = torch.ones(1000, requires_grad=True)
    assert kept_bytes(lambda: torch.exp(square), 'cpu') == 4000  # it keeps what it returns
    layer = nn.Sequential(nn.Sigmoid(), nn.Tanh())
    assert kept_bytes(lambda: layer(square), 'cpu') == 8000


def test_bytes_keep_less_than_relu_and_gradients_stay(cfg: Config) -> None:
    kept, gradients = {}, {}
    picture = torch.randn(1, 3, 64, 64)
    for name in ('relu', 'spiking', 'bytes', 'checkpointing'):
        model = build(cfg, name, False, 'cpu')

        def forward(model: nn.Module = model, name: str = name) -> torch.Tensor:
            with context_of(name)():
                return loss_of(model, picture)

        kept[name] = kept_bytes(forward, 'cpu')
        forward().backward()
        gradients[name] = next(model.parameters()).grad
    assert kept['checkpointing'] < kept['bytes'] < 0.7 * kept['relu'] < kept['spiking']
    assert torch.equal(gradients['bytes'], gradients['spiking'])
    assert not torch.equal(gradients['relu'], gradients['spiking'])


def test_variants_leave_the_config_alone(cfg: Config) -> None:
    before = cfg.pretty_text
    assert config_of(cfg, 'relu').model.backbone.neuron_cfg.type == 'ReLU'
    assert config_of(cfg, 'published').model.backbone.attn_cfg.order == 'quadratic'
    assert config_of(cfg, 'bytes+checkpointing').model.backbone.with_cp
    assert cfg.pretty_text == before


def test_what_fits_lies_on_the_line() -> None:
    line = fit_line((100, 300), (1200.0, 3200.0))
    assert line == Fit(200.0, 10.0)
    assert line.pixels(5200) == 500 and line.pixels(100) == 0


@pytest.mark.slow  # two fresh processes
def test_the_peak_grows_with_the_picture(cfg: Config) -> None:
    small, large = (peak_bytes(cfg, 'spiking', (1, 3, side, side), 'cpu') for side in (128, 256))
    kept = build(cfg, 'spiking', False, 'cpu')
    picture = torch.randn(1, 3, 256, 256)
    assert large > small
    assert large > kept_bytes(partial(loss_of, kept, picture), 'cpu')


def test_a_config_without_training_data_is_told() -> None:
    with pytest.raises(OptionError, match='leave --whole out'):
        real_batch(Config(dict(model=dict())), 2)
