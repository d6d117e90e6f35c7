"""Try a config of mmdet, mmseg or mmpretrain with the spiking backbone, and prove its counts."""

from __future__ import annotations

import copy
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmdet
import mmpretrain
import mmseg
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import set_random_seed
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn

import mmsfa.det
import mmsfa.seg  # noqa: F401  registers what spike-driven configs name
from mmsfa.config.check_model import check_model
from mmsfa.layers import make_spike_driven
from mmsfa.model_parts import BODY, DENSE_HEADS
from mmsfa.spiking import compare, in_float64, observe
from tests.helpers.lively import lively_weights

from .table import Row

LIBRARIES = dict(mmdet=mmdet, mmseg=mmseg, mmpretrain=mmpretrain)
# What may get neurons: every part of a model but its backbone.
PARTS = (BODY[1], *DENSE_HEADS, 'mask_head', 'panoptic_head', 'semantic_head', 'segm_head')


@dataclass
class Result:
    """What came of one row.

    Attributes:
        warnings: What the check of the model said.
        failed: Step and error of the first thing that failed; empty if all went well.
        refused: Parts that could not be made spike-driven, and why.
        spiking: Number of neurons in neck and heads that ran.
        fired: Number of them that fired.
        identical: Whether the proof holds.
        difference: What of it does not.
        uncounted: What the proof names as uncounted.
        seconds: Of CPU.
    """

    warnings: list[str] = field(default_factory=list)
    failed: str = ''
    refused: dict[str, str] = field(default_factory=dict)
    spiking: int = 0
    fired: int = 0
    identical: bool = False
    difference: str = ''
    uncounted: list[str] = field(default_factory=list)
    seconds: float = 0.0


def config_of(row: Row) -> Config:
    """The config of a row with its lines, as a user would write them."""
    path = Path(LIBRARIES[row.library].__file__).parent / '.mim' / 'configs' / row.config
    here = os.getcwd()
    cfg = Config.fromfile(path)
    os.chdir(here)
    cfg.default_scope = row.library
    # Merged as a config that inherits the other would: a mapping with _delete_ replaces.
    cfg.merge_from_dict(
        {
            'model.backbone': dict(
                _delete_=True,
                type='mmpretrain.ESpikeFormer',
                arch='tiny',
                out_indices=row.maps,
                stage4_stride=row.stage4_stride,
            ),
            **{f'model.{key}': value for key, value in row.lines.items()},
        }
    )
    model = cfg.model
    model.pop('pretrained', None)
    if cfg.get('data_preprocessor'):  # a Runner hands it on
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    settings = model.get('data_preprocessor')
    if isinstance(settings, dict):
        settings.pop('batch_augments', None)
        if row.library == 'mmseg':
            settings.update(size=(row.size, row.size), size_divisor=None, test_cfg=None)
            model.test_cfg.mode = 'whole'
    few_regions([model.get('train_cfg'), model.get('test_cfg')])
    cfg.model = model
    return cfg


def few_regions(settings: Any) -> None:
    """Let a detector look at few regions of a picture and predict few objects.

    One without ``nms`` predicts as many as it has queries.
    """
    if isinstance(settings, (list, tuple)):
        for one in settings:
            few_regions(one)
    elif isinstance(settings, dict):
        for name, most in (('nms_pre', 50), ('max_per_img', 8)):
            if name in settings and (name == 'nms_pre' or 'nms' in settings):
                settings[name] = min(settings[name], most)
        for one in settings.values():
            few_regions(one)


def batch_of(row: Row, with_mask: bool) -> dict:
    """Two pictures of noise with their ground truth; masks only where a config would load them."""
    size = row.size
    set_random_seed(0)
    if row.library == 'mmdet':
        batch = demo_mm_inputs(
            2, (3, size, size), [3, 2], 3, with_mask=with_mask, with_semantic=True
        )
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(batch_input_shape=(size, size), pad_shape=(size, size)))
            sample.set_metainfo(dict(scale_factor=(1.0, 1.0)))
        return batch
    inputs = [torch.randint(0, 256, (3, size, size)) for _ in range(2)]
    if row.library == 'mmseg':
        samples: list[Any] = []
        for _ in inputs:
            shape = dict(img_shape=(size, size), ori_shape=(size, size), pad_shape=(size, size))
            sample = SegDataSample(metainfo=shape)
            sample.gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, size, size)))
            sample.gt_edge_map = PixelData(data=torch.randint(0, 2, (1, size, size)))
            samples.append(sample)
    else:
        samples = [DataSample().set_gt_label(number) for number in range(2)]
    if row.views > 1:
        views = [torch.stack(inputs).roll(view, -1) for view in range(row.views)]
        return dict(inputs=views, data_samples=samples)
    return dict(inputs=inputs, data_samples=samples)


def try_row(row: Row, prove: bool = True) -> Result:
    """Check, build, train one step, predict, and prove a spike-driven twin in float64."""
    result, begin = Result(), time.process_time()
    set_random_seed(0)
    step = 'read'
    said = logging.Handler(logging.WARNING)
    said.emit = lambda record: result.warnings.append(record.getMessage())  # type: ignore[method-assign]
    logger = MMLogger.get_current_instance()
    for handler in logger.handlers:  # one line for each weight that is initialised
        handler.setLevel(logging.ERROR)
    try:
        cfg = config_of(row)
        step = 'check'
        logger.addHandler(said)
        check_model(cfg)
        logger.removeHandler(said)
        step = 'build'
        init_default_scope(cfg.default_scope)
        model = revert_sync_batchnorm(MODELS.build(copy.deepcopy(cfg.model)))
        parts = {key: part for key, part in cfg.model.items() if key != 'data_preprocessor'}
        batch = batch_of(row, with_mask='mask' in repr(parts))
        for name in ('iter', 'epoch'):  # as a Runner does: BoxInst and TOOD ask how far it is
            MessageHub.get_current_instance().update_info(name, 0)
        step = 'train'
        model.init_weights()
        model.train()
        first = next(model.backbone.parameters())
        before = first.clone()
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-3))
        model.train_step(copy.deepcopy(batch), wrapper)
        if torch.equal(first, before) is not row.still or not first.isfinite().all():
            raise ValueError('The step did not move the first layer, or to no finite place.')
        if row.views > 1:  # it learns features and predicts nothing
            return result
        step = 'predict'
        model.eval()
        with torch.no_grad():
            model.test_step(_first(batch))
        if prove:
            step = 'mixin'
            _fire(model, result)
            step = 'proof'
            _prove(model, batch, result)
    except Exception as error:
        if os.environ.get('SWEEP_RAISE'):
            raise
        result.failed = f'{step}: {type(error).__name__}: {" ".join(str(error).split())[:300]}'
    finally:
        logger.removeHandler(said)
        result.seconds = time.process_time() - begin
    return result


def _fire(model: nn.Module, result: Result) -> None:
    """Make every part behind the backbone spike-driven that can be."""
    parts = {name: getattr(model, name, None) for name in PARTS}
    region = getattr(model, 'roi_head', None)
    for name, part in region.named_children() if region is not None else ():
        parts[f'roi_head.{name}'] = part
    for name, part in parts.items():
        members = part if isinstance(part, (nn.ModuleList, nn.Sequential)) else [part]
        for member in members:
            if not isinstance(member, nn.Module) or not list(member.parameters()):
                continue
            try:
                make_spike_driven(member, dict(type='mmpretrain.SFA', D=4))
            except ValueError as error:
                result.refused[name] = str(error)
    lively_weights(model)


def _first(batch: dict) -> dict:
    """Its first picture: mmcv's masked convolutions predict one at a time."""
    return copy.deepcopy({key: value[:1] for key, value in batch.items()})


def _prove(model: BaseModel, batch: dict, result: Result) -> None:
    fired: set[str] = set()

    def note(name: str, neuron: nn.Module, output: torch.Tensor) -> None:
        if output.any():
            fired.add(name)

    with in_float64(model):
        found = compare(model, [_first(batch)])
        with observe(model, neuron=note), torch.no_grad():
            model.test_step(_first(batch))
    result.identical = found.identical
    result.uncounted = found.uncounted
    flipped = [layer.name for layer in found.layers if layer.flipped or layer.not_comparable]
    if not found.identical:
        result.difference = f'layers {flipped[:3]}, {found.predictions}'
    heads = [layer for layer in found.layers if not layer.name.startswith('backbone.')]
    result.spiking = len(heads)
    result.fired = sum(layer.name in fired for layer in heads)
