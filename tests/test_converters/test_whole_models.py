"""Whole published checkpoints, through the tool, give what was published (needs the kit)."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint

from mmsfa.engine import safe_load

TOOL = 'tools/model_converters/sdt_v3_to_mmsfa.py'
CLASSES = ('person', 'bicycle')
# The kit has the sizes of mask_rcnn_esf_10m.py.
SMALL_DETECTOR = {
    'backbone.arch': '10m',
    'neck.in_channels': [48, 96, 192, 240],
    'neck.out_channels': 192,
    'rpn_head.in_channels': 192,
    'rpn_head.feat_channels': 192,
    'roi_head.bbox_head.in_channels': 192,
    'roi_head.bbox_head.fc_out_channels': 768,
    'roi_head.mask_head.in_channels': 192,
    'roi_head.mask_head.conv_out_channels': 192,
}


@pytest.fixture
def fill(parity, repo_dir, call_tool, tmp_path):
    """A function that converts the parts of a published model into the model of a config."""

    def make(config: str, options: dict, parts: dict[str, str]):
        whole = {}
        for prefix, tag in parts.items():
            part = parity.Case(tag).state_dict(torch=True)
            whole |= {f'{prefix}.{name}' if prefix else name: t for name, t in part.items()}
        # what surrounds the weights in a checkpoint of mmengine
        content = dict(
            meta=dict(epoch=12, iter=10, cfg='model = dict()', dataset_meta=dict(classes=CLASSES)),
            state_dict=whole,
            optimizer=dict(state={0: dict(exp_avg=torch.ones(1))}, param_groups=[]),
        )
        torch.save(content, tmp_path / 'published.pth')
        printed = call_tool(TOOL, tmp_path / 'published.pth', tmp_path / 'ours.pth')
        cfg = Config.fromfile(repo_dir / 'configs' / config)
        cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
        init_default_scope(cfg.default_scope)
        model = MODELS.build(cfg.model)
        load_checkpoint(model, str(tmp_path / 'ours.pth'), 'cpu', strict=True)
        return model.double().eval(), printed

    return make


@pytest.fixture
def potential(parity):
    """A function that gives an input of the kit: 1.2 * N(0, 1) + 1."""
    return lambda name, *shape: torch.from_numpy(parity.head_input(name, shape)).double()


@torch.no_grad()
def test_mask_rcnn(parity, fill, potential, tmp_path) -> None:
    model, printed = fill(
        'det/mask_rcnn_esf_legacy_strides.py',
        SMALL_DETECTOR,
        {
            'backbone': 'det_10m',
            'neck': 'head_spikefpn_10m',
            'rpn_head': 'head_spikerpn_10m',
            'roi_head.bbox_head': 'head_sharedspike2fc_10m',
            'roi_head.mask_head': 'head_spikefcnmask_10m',
        },
    )
    assert 'Found: Mask R-CNN, 21,172,240 parameters' in printed and "arch='10m'" in printed
    assert 'clips at 1' in printed and 'legacy_strides' in printed
    assert 'fc_cls' not in printed, 'the box head is as published'
    meta = safe_load(tmp_path / 'ours.pth')['meta']
    assert meta['dataset_meta'] == dict(classes=CLASSES)

    case = parity.Case('det_10m')
    case.check(model.backbone(torch.from_numpy(case.input('main')).double()))
    sizes = [(48, 32, 40), (96, 16, 20), (192, 8, 10), (240, 8, 10)]
    maps = [potential(f'fpn_in{i}', 2, *size) for i, size in enumerate(sizes)]
    pyramid = {f'out{i}': out for i, out in enumerate(model.neck(maps))}
    parity.check_head('head_spikefpn_10m', 'eval', pyramid)
    scores, deltas = model.rpn_head.forward_single(potential('rpn_in', 2, 192, 16, 20))
    parity.check_head('head_spikerpn_10m', 'eval', dict(cls=scores, reg=deltas))
    scores, deltas = model.roi_head.bbox_head(potential('bbox_in', 16, 192, 7, 7))
    parity.check_head('head_sharedspike2fc_10m', 'eval', dict(cls=scores, reg=deltas))
    masks = model.roi_head.mask_head(potential('mask_in', 8, 192, 14, 14))
    parity.check_head('head_spikefcnmask_10m', 'eval', dict(mask=masks))


@torch.no_grad()
def test_semantic_fpn(parity, fill, potential) -> None:
    channels = [24, 48, 96, 240]
    model, printed = fill(
        'seg/fpn_esf.py',
        {
            'backbone.arch': '10m',
            'neck.in_channels': channels,
        },
        {'backbone': 'seg_10m', '': 'head_qfpn_10m'},
    )
    assert 'Found: segmentor' in printed and 'out_indices=(0, 1, 2, 4)' in printed
    assert 'model.decode_head.analog=()' in printed
    case = parity.Case('seg_10m')
    case.check(model.backbone(torch.from_numpy(case.input('main')).double()))
    sizes = parity.Case('head_qfpn_10m').meta['hw']
    pyramid = model.neck(
        [
            potential(f'qfpn_in{i}', 2, c, *hw)
            for i, (c, hw) in enumerate(zip(channels, sizes, strict=True))
        ]
    )
    outs = {f'neck{i}': out for i, out in enumerate(pyramid)}
    outs['logits'] = model.decode_head(pyramid)
    # The weights went through float32 here, with the biases that are moved into BN.
    parity.check_head('head_qfpn_10m', 'eval', outs, rtol=1e-5, atol=1e-5)
