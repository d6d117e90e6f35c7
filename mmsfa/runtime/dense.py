"""What dense heads say, as boxes: proposals of a first stage, instances of a one-stage detector."""

from __future__ import annotations

from typing import Any

import numpy as np

from .boxes import anchors_of, decode, decode_yolo, rows, sigmoid, softmax, to_original
from .picture import Prepared
from .results import Instances
from .suppress import best_first, nms

Settings = dict[str, Any]
Maps = dict[str, np.ndarray]


def proposals(maps: Maps, settings: Settings, picture: Prepared) -> np.ndarray:
    """The regions that an RPN proposes.

    Args:
        maps: Outputs of the dense graph; ``head_0_<level>`` are scores, ``head_1_<level>`` deltas.
        settings: ``proposals`` of a `Folder`.
        picture: The picture as the graph has read it.

    Returns:
        Corners in pixels of the prepared picture, best first, (N, 4).
    """
    parts = []
    for number, level in enumerate(settings['levels']):
        scores = _scores(maps[f'head_0_{number}'], settings)[:, 0]
        encoded = rows(maps[f'head_1_{number}'], 4)
        priors = anchors_of(level, *maps[f'head_0_{number}'].shape[-2:])
        if 0 < settings['nms_pre'] < len(scores):
            best = best_first(scores)[: settings['nms_pre']]
            scores, encoded, priors = scores[best], encoded[best], priors[best]
        parts.append((scores, encoded, priors, np.full(len(scores), number)))
    scores, encoded, priors, levels = map(np.concatenate, zip(*parts, strict=True))
    boxes = decode(settings['coder'], priors, encoded, picture.size)
    return _finish(Instances(boxes, scores, levels), settings).boxes


def one_stage(maps: Maps, settings: Settings, picture: Prepared) -> Instances:
    """The instances that a one-stage detector finds.

    Args:
        maps: Outputs of the dense graph: scores, boxes and perhaps a factor of the scores.
        settings: ``one_stage`` of a `Folder`.
        picture: The picture as the graph has read it.

    Returns:
        Instances in pixels of the original picture, best first.
    """
    found = HEADS[settings['type']](maps, settings, picture)
    found.boxes = to_original(found.boxes, picture.scale)
    return _finish(found, settings)


def _of_levels(maps: Maps, settings: Settings, picture: Prepared) -> Instances:
    """As mmdet's ``BaseDenseHead``: each level gives its best."""
    parts = []
    for number, level in enumerate(settings['levels']):
        scores = _scores(maps[f'head_0_{number}'], settings)
        place, labels, scores_ = _above(scores, settings)
        if settings['score_factors']:
            scores_ = scores_ * sigmoid(rows(maps[f'head_2_{number}'], 1)[place, 0])
        priors = anchors_of(level, *maps[f'head_0_{number}'].shape[-2:])[place]
        encoded = rows(maps[f'head_1_{number}'], 4)[place]
        parts.append((scores_, labels, priors, encoded))
    scores, labels, priors, encoded = map(np.concatenate, zip(*parts, strict=True))
    return Instances(decode(settings['coder'], priors, encoded, picture.size), scores, labels)


def _of_yolo(maps: Maps, settings: Settings, _picture: Prepared) -> Instances:
    """As mmdet's ``YOLOV3Head``: the best of all levels together."""
    parts = []
    for number, level in enumerate(settings['levels']):
        x = maps[f'head_0_{number}']
        attributes = rows(x, 5 + settings['num_classes'])
        encoded = np.concatenate([sigmoid(attributes[:, :2]), attributes[:, 2:4]], -1)
        boxes = decode_yolo(anchors_of(level, *x.shape[-2:]), encoded, level['stride'][0])
        parts.append((boxes, sigmoid(attributes[:, 4]), sigmoid(attributes[:, 5:])))
    boxes, objectness, scores = map(np.concatenate, zip(*parts, strict=True))
    if settings['conf_thr'] > 0:
        sure = objectness >= settings['conf_thr']
        boxes, objectness, scores = boxes[sure], objectness[sure], scores[sure]
    place, labels, scores = _above(scores, settings)
    return Instances(boxes[place], scores * objectness[place], labels)


HEADS = {'levels': _of_levels, 'yolo': _of_yolo}


def _scores(x: np.ndarray, settings: Settings) -> np.ndarray:
    """Shares (N, classes) from a map of scores."""
    x = rows(x, settings['channels'])
    return sigmoid(x) if settings['sigmoid'] else softmax(x)[:, :-1]


def _above(scores: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, class and score of each of the best scores above the threshold."""
    place, label = np.nonzero(scores > settings['score_thr'])
    scores = scores[place, label]
    # mmdet cuts `nms_pre=-1`, its "all", off the end like any negative number.
    best = best_first(scores)[: min(settings['nms_pre'], len(scores))]
    return place[best], label[best], scores[best]


def _finish(found: Instances, settings: Settings) -> Instances:
    """Drop what is too small, or covered by something better of the same class or level."""
    if settings['min_bbox_size'] >= 0:
        sizes = found.boxes[:, 2:] - found.boxes[:, :2]
        found = found.take(np.flatnonzero((sizes > settings['min_bbox_size']).all(-1)))
    kept = nms(found.boxes, found.scores, found.labels, settings['iou_threshold'])
    return found.take(kept[: settings['max_per_img']])
