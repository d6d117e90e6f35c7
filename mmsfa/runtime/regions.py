"""The second stage of a detector: features of regions, classes and boxes, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .boxes import decode, sigmoid, softmax, to_original
from .folder import Folder
from .masks import paste
from .picture import Prepared
from .results import Instances
from .suppress import nms

Settings = dict[str, Any]
Maps = dict[str, np.ndarray]


def second_stage(folder: Folder, maps: Maps, regions: np.ndarray, picture: Prepared) -> Instances:
    """What mmdet's ``StandardRoIHead`` and ``CascadeRoIHead`` make of proposals.

    Args:
        folder: The exported model.
        maps: Outputs of the dense graph; ``map_<level>`` are those of the neck.
        regions: Proposed boxes in pixels of the prepared picture, (N, 4).
        picture: The picture as the graph has read it.

    Returns:
        Instances in pixels of the original picture, best first.
    """
    settings = folder.settings['regions']
    with_masks = settings['mask'] is not None
    found = Instances(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    if len(regions):
        found = _classify(folder, maps, regions, picture, in_original=not with_masks)
    if with_masks:
        masks = _masks_of(folder, maps, found)
        found.boxes = found.boxes / np.array([*picture.scale] * 2, np.float32)
        found.masks = paste(
            masks, found.boxes, picture.original_size, settings['mask']['threshold']
        )
    return found


def _classify(
    folder: Folder, maps: Maps, regions: np.ndarray, picture: Prepared, in_original: bool
) -> Instances:
    """Let each stage of the box head read the regions, and improve them for the next one."""
    settings = folder.settings['regions']
    logits = []
    for number, stage in enumerate(settings['stages']):
        features = region_features(folder, maps, regions, stage['extractor'])
        outputs = folder.run(stage['graph'], regions=features)
        logits.append(outputs['scores'])
        encoded = outputs['deltas'].reshape(len(regions), -1, 4)
        if number + 1 < len(settings['stages']):
            best = outputs['scores'][:, :-1].argmax(1) * (encoded.shape[1] > 1)
            chosen = encoded[np.arange(len(regions)), best]
            regions = decode(stage['coder'], regions, chosen, picture.size)
    scores = softmax(sum(logits[1:], logits[0]) / np.float32(len(logits)))[:, :-1]
    boxes = decode(
        stage['coder'], regions.repeat(encoded.shape[1], 0), encoded.reshape(-1, 4), picture.size
    )
    if in_original:
        boxes = to_original(boxes, picture.scale)
    boxes = np.broadcast_to(boxes.reshape(len(regions), -1, 4), (*scores.shape, 4))
    place, labels = np.nonzero(scores > settings['score_thr'])
    found = Instances(boxes[place, labels], scores[place, labels], labels)
    kept = nms(found.boxes, found.scores, found.labels, settings['iou_threshold'])
    limit = settings['max_per_img']
    return found.take(kept[:limit] if limit > 0 else kept)


def _masks_of(folder: Folder, maps: Maps, found: Instances) -> np.ndarray:
    """Shares of the instances' own classes in their boxes, (N, h, w); the mean of several heads."""
    settings = folder.settings['regions']['mask']
    if not len(found):
        return np.zeros((0, 1, 1), np.float32)
    masks = []
    for stage in settings['stages']:
        features = region_features(folder, maps, found.boxes, stage['extractor'])
        masks.append(sigmoid(folder.run(stage['graph'], regions=features)['masks']))
    mean = sum(masks[1:], masks[0]) / np.float32(len(masks))
    channel = found.labels * (not settings['class_agnostic'])
    return mean[np.arange(len(found)), channel]


def region_features(
    folder: Folder, maps: Maps, regions: np.ndarray, extractor: Settings
) -> np.ndarray:
    """Mmdet's ``SingleRoIExtractor``: each region is cut out of the level that suits its size.

    Args:
        folder: The exported model.
        maps: Outputs of the dense graph.
        regions: Corners in pixels of the prepared picture, (N, 4).
        extractor: Its settings.

    Returns:
        Shape (N, C, height, width).
    """
    strides = extractor['strides']
    size = np.sqrt((regions[:, 2] - regions[:, 0]) * (regions[:, 3] - regions[:, 1]))
    step = np.log2(size / np.float32(extractor['finest_scale']) + np.float32(1e-6))
    level_of = np.floor(step).clip(0, len(strides) - 1).astype(np.int64)
    found: np.ndarray | None = None
    for level, stride in enumerate(strides):
        mine = np.flatnonzero(level_of == level)
        if not len(mine):
            continue
        features = folder.run(
            extractor['graph'],
            map=maps[f'map_{level}'],
            regions=regions[mine] * np.float32(1 / stride),
            picture=np.zeros(len(mine), np.int64),
        )['features']
        if found is None:
            found = np.empty((len(regions), *features.shape[1:]), np.float32)
        found[mine] = features
    if found is None:
        raise ValueError('There must be at least one region.')
    return found
