"""Transforms of three libraries on pictures of 16 channels, which are 8 frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope

import mmsfa.datasets.events  # noqa: F401  registers

T = 8
ALIKE = [
    ('mmpretrain', dict(type='RandomFlip', prob=1.0, direction='horizontal')),
    ('mmpretrain', dict(type='RandomCrop', crop_size=(40, 48), padding=4)),
    ('mmpretrain', dict(type='RandomCrop', crop_size=60, pad_if_needed=True)),
    ('mmpretrain', dict(type='RandomResizedCrop', scale=32)),
    ('mmpretrain', dict(type='ResizeEdge', scale=64, edge='short')),
    ('mmpretrain', dict(type='CenterCrop', crop_size=32)),
    ('mmpretrain', dict(type='Rotate', angle=15, prob=1.0, pad_val=0)),
    ('mmpretrain', dict(type='Translate', magnitude=0.1, prob=1.0, pad_val=0)),
    ('mmpretrain', dict(type='RandomRoll', max_shift=5)),
    ('mmdet', dict(type='Resize', scale=(60, 50), keep_ratio=True)),
    ('mmdet', dict(type='RandomFlip', prob=1.0)),
    ('mmdet', dict(type='RandomCrop', crop_size=(24, 24))),
    ('mmdet', dict(type='Pad', size_divisor=32, pad_val=dict(img=0.0))),
    ('mmdet', dict(type='RandomAffine', border_val=(0, 0, 0, 0))),
    ('mmseg', dict(type='RandomResize', scale=(60, 50), ratio_range=(0.5, 2.0), keep_ratio=True)),
    ('mmseg', dict(type='RandomCrop', crop_size=(24, 24))),
    ('mmseg', dict(type='RandomFlip', prob=1.0)),
    ('mmseg', dict(type='RandomRotate', prob=1.0, degree=20)),
]  # fmt: skip


@pytest.mark.parametrize(('scope', 'step'), ALIKE, ids=lambda value: str(value)[:60])
def test_a_transform_treats_all_frames_alike(still: dict, scope: str, step: dict) -> None:
    init_default_scope(scope)
    np.random.seed(1)
    sample = still
    before = sample['img'].copy()
    if scope == 'mmdet':
        from mmdet.structures.bbox import HorizontalBoxes

        sample |= dict(
            gt_bboxes=HorizontalBoxes([[1.0, 1, 47, 39]]),
            gt_bboxes_labels=np.array([0]),
            gt_ignore_flags=np.array([False]),
        )
    if scope == 'mmseg':
        labels = np.zeros(sample['img_shape'], np.uint8)
        sample |= dict(gt_seg_map=labels, seg_fields=['gt_seg_map'])
    results = TRANSFORMS.build(step)(sample)
    img = results['img']
    assert img.shape[-1] == 2 * T and img.dtype == np.float32 and img.any()
    assert img.shape != before.shape or (img != before).any()
    frames = img.reshape(*img.shape[:2], T, 2)
    assert np.allclose(frames, frames[:, :, :1], atol=1e-5)


PACK = dict(mmpretrain='PackInputs', mmdet='PackDetInputs', mmseg='PackSegInputs')
PREPROCESS = dict(
    mmpretrain=dict(type='ClsDataPreprocessor', pad_size_divisor=32),
    mmdet=dict(type='DetDataPreprocessor', pad_size_divisor=32),
    mmseg=dict(type='SegDataPreProcessor', size_divisor=32, pad_val=0, seg_pad_val=255),
)


@pytest.mark.parametrize('scope', PACK)
def test_packing_and_preprocessing_keep_the_order_of_channels(still: dict, scope: str) -> None:
    init_default_scope(scope)
    sample = still
    sample['img'] = sample['img'] + np.arange(2 * T, dtype=np.float32)
    expected = torch.from_numpy(sample['img'].transpose(2, 0, 1).copy())
    if scope == 'mmseg':
        sample |= dict(gt_seg_map=np.zeros(sample['img_shape'], np.uint8))
    if scope == 'mmdet':
        sample |= dict(flip=False, flip_direction=None, scale_factor=(1.0, 1.0), img_id=0)
    meta = {} if scope == 'mmpretrain' else dict(meta_keys=('img_shape', 'ori_shape'))
    packed = TRANSFORMS.build(dict(type=PACK[scope], **meta))(sample)
    assert torch.equal(packed['inputs'], expected)
    batch = dict(inputs=[packed['inputs']] * 2, data_samples=[packed['data_samples']] * 2)
    inputs = MODELS.build(PREPROCESS[scope])(batch, training=True)['inputs']
    assert inputs.shape == (2, 2 * T, 64, 64)
    assert torch.equal(inputs[1, :, :40, :48], expected) and not inputs[:, :, 40:].any()
