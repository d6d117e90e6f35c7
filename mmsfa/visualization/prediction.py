"""Predictions drawn over a picture, by the library's own visualizer."""

from __future__ import annotations

from itertools import count
from typing import Any

import mmcv
import numpy as np
from matplotlib import colormaps
from mmengine.config import Config
from mmengine.registry import DATASETS, VISUALIZERS
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import Tensor

from mmsfa.config.scopes import class_of

LEGIBLE = 512  # pixels of the shorter side at which labels can be read
LARGEST = 4096  # pixels of the longer side; drawing takes a minute where a strip becomes larger
_number = count()


class PredictionDrawer:
    """Draws what a detector, segmentor or classifier predicts.

    Small pictures are enlarged by a whole factor first, so that names and scores can be read.

    Args:
        cfg: The whole config; its ``visualizer`` draws.
        dataset_meta: Names and colours of the classes, as `load_trained` finds them.
        score_thr: Detections of a lower score are left out.
    """

    def __init__(self, cfg: Config, dataset_meta: dict, score_thr: float = 0.3) -> None:
        self.score_thr = score_thr
        # A visualizer is global by its name: two models must not share one.
        settings = dict(cfg.visualizer, vis_backends=None, name=f'prediction_{next(_number)}')
        self.visualizer = VISUALIZERS.build(settings)
        self.visualizer.dataset_meta = _complete(cfg, dataset_meta)

    def draw(self, picture: np.ndarray, sample: BaseDataElement) -> np.ndarray:
        """Draw the prediction of one picture.

        Args:
            picture: Shape (H, W, 3), uint8, RGB.
            sample: Data sample with predictions at the size of the picture.

        Returns:
            The same picture, perhaps enlarged, with the prediction over it.
        """
        short, long = sorted(picture.shape[:2])
        times = max(1, min(round(LEGIBLE / short), LARGEST // long))
        picture = mmcv.imrescale(picture, times, interpolation='bicubic')
        sample = _enlarge(sample.cpu(), times)
        if hasattr(self.visualizer, 'visualize_cls'):
            return self.visualizer.visualize_cls(picture, sample, draw_gt=False)
        options: dict[str, Any] = dict(draw_gt=False, draw_pred=True)
        if 'pred_instances' in sample:
            options['pred_score_thr'] = self.score_thr
        self.visualizer.add_datasample('prediction', picture, sample, **options)
        return self.visualizer.get_image()


def _complete(cfg: Config, dataset_meta: dict) -> dict:
    """Fill in what neither config nor checkpoint say from the class of the data set."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    known = getattr(class_of(dataset, DATASETS), 'METAINFO', {})
    meta = {**known, **{key: value for key, value in dataset_meta.items() if value}}
    if cfg.default_scope == 'mmseg':  # its visualizer needs both
        meta.setdefault('classes', [str(i) for i in range(256)])
        colours = (255 * colormaps['tab20'](range(20))[:, :3]).astype(int).tolist()
        meta.setdefault('palette', (colours * 256)[: len(meta['classes'])])
    return meta


def _enlarge(sample: BaseDataElement, times: int) -> BaseDataElement:
    """A sample whose boxes, masks and maps are ``times`` as large."""
    sample = sample.clone()
    for name, value in sample.items():
        if isinstance(value, InstanceData):
            for key, field in value.items():
                if key == 'bboxes':
                    value.set_field(field * times, key)
                elif key == 'masks':
                    value.set_field(_repeat(field, times), key)
        elif isinstance(value, PixelData):
            larger = {key: _repeat(field, times) for key, field in value.items()}
            sample.set_field(PixelData(metainfo=value.metainfo, **larger), name)
    return sample


def _repeat(maps: Tensor, times: int) -> Tensor:
    return maps.repeat_interleave(times, -2).repeat_interleave(times, -1)
