"""Features of regions, and second stages without regions. Whole detectors: test_model.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmcv.ops import roi_align
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from mmsfa.runtime.picture import Prepared
from mmsfa.runtime.regions import region_features, second_stage

EXTRACTOR = dict(graph='align', strides=[4.0, 8.0, 16.0, 16.0], finest_scale=56)
PICTURE = Prepared(np.zeros((1, 3, 64, 80), np.float32), (60, 80), (30, 40), (2.0, 2.0))


class Aligns:
    """As a folder, with RoIAlign alone."""

    settings: dict[str, Any] = dict(
        regions=dict(stages=[], mask=dict(stages=[], threshold=0.5, class_agnostic=True))
    )

    def run(self, name: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        assert name == 'align'
        maps, regions = (torch.from_numpy(inputs[key]) for key in ('map', 'regions'))
        rois = torch.cat([torch.zeros(len(regions), 1), regions], 1)
        return dict(features=roi_align(maps, rois, (3, 3), 1.0, 0, 'avg', True).numpy())


def test_each_region_from_its_level() -> None:
    torch.manual_seed(0)
    sizes = [(128, 160), (64, 80), (32, 40), (32, 40)]
    maps = [torch.randn(1, 5, *size) for size in sizes]
    corners = torch.rand(60, 2) * 300
    # a region of exactly 112 pixels lies between two levels
    extents = torch.cat([torch.rand(59, 2) * 500, torch.tensor([[112.0, 112.0]])])
    regions = torch.cat([corners, corners + extents], 1)
    layer = dict(type='RoIAlign', output_size=3, sampling_ratio=0)
    extractor = SingleRoIExtractor(layer, 5, [4, 8, 16, 16])
    want = extractor(maps, torch.cat([torch.zeros(60, 1), regions], 1))
    levels = extractor.map_roi_levels(torch.cat([torch.zeros(60, 1), regions], 1), 4)
    assert len(levels.unique()) == 4
    named = {f'map_{i}': x.numpy() for i, x in enumerate(maps)}
    got = region_features(Aligns(), named, regions.numpy(), EXTRACTOR)
    np.testing.assert_allclose(got, want.numpy(), atol=1e-5)


def test_no_regions() -> None:
    none = np.zeros((0, 4), np.float32)
    found = second_stage(Aligns(), {}, none, PICTURE)
    assert len(found) == 0 and found.masks.shape == (0, 30, 40)
    with pytest.raises(ValueError, match='at least one region'):
        region_features(Aligns(), {}, none, EXTRACTOR)
