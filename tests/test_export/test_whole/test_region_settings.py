"""Second stages that the runtime imitates. Equality: tests/test_runtime."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.errors import OptionError
from mmsfa.export.whole.region_settings import align_settings, region_settings


@pytest.fixture
def roi_head(small_config: Callable) -> nn.Module:
    return build_model(small_config('detector')).roi_head


def test_settings(roi_head: nn.Module) -> None:
    settings, heads = region_settings(roi_head)
    assert heads == dict(bbox_head_0=roi_head.bbox_head, mask_head_0=roi_head.mask_head)
    (stage,) = settings['stages']
    assert stage['extractor'] == dict(
        graph='roi_align_7x7_2_samples', strides=[4, 8, 16, 16], finest_scale=56
    )
    assert stage['coder']['stds'] == [0.1, 0.1, 0.2, 0.2]
    assert settings['mask']['threshold'] == 0.5 and not settings['mask']['class_agnostic']
    aligns = align_settings(roi_head)
    assert list(aligns) == ['roi_align_7x7_2_samples', 'roi_align_14x14_1_samples']
    assert aligns['roi_align_14x14_1_samples']['output_width'] == 14


def test_other_second_stages(roi_head: nn.Module) -> None:
    roi_head.bbox_roi_extractor.roi_layers[0].pool_mode = 'max'
    with pytest.raises(OptionError, match="pool_mode='avg', got 'max'"):
        region_settings(roi_head)
    roi_head.bbox_roi_extractor.roi_layers[1] = nn.Identity()
    with pytest.raises(OptionError, match='SingleRoIExtractor with Identity, RoIAlign'):
        region_settings(roi_head)
    roi_head.test_cfg.mask_thr_binary = -1
    roi_head.bbox_roi_extractor = roi_head.mask_roi_extractor
    with pytest.raises(OptionError, match='mask_thr_binary .* at least 0, got -1'):
        region_settings(roi_head)
    roi_head.bbox_head.with_reg = False
    with pytest.raises(OptionError, match='boxes and softmax scores of SpikeShared2FCBBoxHead'):
        region_settings(roi_head)
    with pytest.raises(OptionError, match='CascadeRoIHead, StandardRoIHead .* Linear has'):
        region_settings(nn.Linear(1, 1))
