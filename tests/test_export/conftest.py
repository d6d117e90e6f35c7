"""Small models of the shipped configs and their graphs, exported once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import onnx_ir as ir
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.export.onnx.export import export_model

CONFIGS = {
    'detector': 'det/mask_rcnn_esf_demo.py',
    'detector with an RPN on potentials': 'det/mask_rcnn_esf_demo.py',
    'one-stage detector': 'det/retinanet_esf.py',
    'segmentor': 'seg/upernet_esf_demo.py',
    'classifier': 'cls/esf_tiny_flowers5.py',
    'strict classifier': 'cls/esf_tiny_flowers5.py',
    'large classifier': 'cls/esf_tiny_flowers5.py',
}


class Exported(NamedTuple):
    """A config of few blocks, its model and the float graph of its tensor part."""

    cfg: Config
    model: nn.Module
    graph: ir.Model


@pytest.fixture(scope='session')
def small_config(repo_dir: Path) -> Callable[[str], Config]:
    """A function that gives a shipped config with few blocks."""

    def read(kind: str) -> Config:
        cfg = Config.fromfile(repo_dir / 'configs' / CONFIGS[kind])
        arch = dict(channels=(24, 48, 96, 128), depths=(1, 0, 0, 1, 0))
        cfg.model.backbone.arch = arch
        if kind == 'detector with an RPN on potentials':
            cfg.model.rpn_head.analog = ('rpn_cls', 'rpn_reg')
        if kind in ('strict classifier', 'large classifier'):
            cfg.model.head.analog = ()
        if kind == 'large classifier':  # convolutions that are merged, other rounding
            arch = dict(family='large', channels=(24, 48, 96), depths=(1, 0, 0, 1))
            cfg.model.backbone.update(arch=arch, out_indices=(3,), neuron_cfg=None)
            cfg.model.head.in_channels = 96
        if kind == 'one-stage detector':  # its backbone is larger
            cfg.model.neck.in_channels = list(arch['channels'][1:])
            cfg.model.neck.out_channels = cfg.model.bbox_head.in_channels = 32
            cfg.model.bbox_head.feat_channels = 32
        return cfg

    return read


@pytest.fixture(scope='session')
def bytes_exact(
    make_exact: Callable[[nn.Module], nn.Module],
) -> Callable[[nn.Module], nn.Module]:
    """As `make_exact`, with weights that a byte and a power of two for each channel hold."""

    @torch.no_grad()
    def fill(model: nn.Module, seed: int = 0) -> nn.Module:
        for module in make_exact(model, seed).modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
                turned = isinstance(module, nn.ConvTranspose2d)  # its first axis is C_in
                weight = module.weight.transpose(0, 1) if turned else module.weight
                rows = weight.flatten(1)
                step = (rows.abs().amax(1, keepdim=True) / 127).log2().round().exp2()
                integers = (rows / step).round().clamp(-127, 127)
                integers[:, 0] = 127  # the largest of a channel: it sets the scale
                weight.copy_((integers * step).view_as(weight))
        return model

    return fill


@pytest.fixture(scope='session')
def exported(
    small_config: Callable[[str], Config], bytes_exact: Callable[[nn.Module], nn.Module]
) -> Callable[[str], Exported]:
    """A function that gives an exported detector, segmentor or classifier of exact weights."""

    @lru_cache
    def export(kind: str) -> Exported:
        cfg = small_config(kind)
        model = bytes_exact(build_model(cfg))
        return Exported(cfg, model, export_model(model))

    return export
