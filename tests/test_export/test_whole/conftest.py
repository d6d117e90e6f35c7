"""Small models as folders, written once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsfa.export.whole.folder import region_graphs, whole_settings, write_folder


class Written(NamedTuple):
    """A config, its model and the folder of it."""

    cfg: Config
    model: Any
    folder: Path


def continuous(model: nn.Module) -> nn.Module:
    """A copy whose heads of regions have ReLUs: a step of rounding in a box flips no count.

    Nothing is cut off by scores that are equal, as those of exact weights often are: their order
    is that of torch's sort, which is nobody's.
    """
    model = deepcopy(model)
    with torch.no_grad():
        for readout in (model.roi_head.bbox_head.fc_cls, model.roi_head.bbox_head.fc_reg):
            readout.weight.mul_(0.02)  # scores far from 1, boxes near their regions
    model.roi_head.test_cfg.max_per_img = 1000
    model.rpn_head.test_cfg.nms_pre = -1
    for module in model.roi_head.modules():
        if getattr(module, 'neuron', None) is not None:
            module.neuron = nn.ReLU()
    return model.eval()


@pytest.fixture(scope='session')
def written(exported: Callable, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    """A function that writes an exported detector, segmentor or classifier."""

    @lru_cache
    def write(kind: str, spiking: bool = True) -> Written:
        cfg, model, graph = exported(kind)
        model = deepcopy(model) if spiking else continuous(model)
        # Pixels of few bits, for which the sums of the exact weights are exact, too.
        model.data_preprocessor.mean.fill_(128)
        model.data_preprocessor.std.fill_(64)
        model.dataset_meta = dict(cfg.test_dataloader.dataset.get('metainfo') or {})
        settings = whole_settings(cfg, model)
        folder = tmp_path_factory.mktemp(kind.replace(' ', '_'))
        graphs = {'dense': graph, **region_graphs(model, settings)}
        write_folder(folder, settings, graphs, ('int8', 'qdq') if spiking else ())
        return Written(cfg, model, folder)

    return write
