"""How mmdet's second stages turn regions into instances, as settings of `mmsfa.runtime`."""

from __future__ import annotations

from typing import Any

from torch import nn

from mmsfa.errors import OptionError
from mmsfa.model_parts import members

from .head_settings import TENSOR_PART, check_predicts_as, coder_settings, nms_threshold

Settings = dict[str, Any]


def region_settings(roi_head: Any) -> tuple[Settings, dict[str, nn.Module]]:
    """``regions`` of a folder, and the heads that it names.

    Args:
        roi_head: A ``StandardRoIHead`` or ``CascadeRoIHead``.

    Returns:
        Settings, and name -> head.

    Raises:
        OptionError: It predicts in a way that the runtime does not know.
    """
    from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
    from mmdet.models.roi_heads.bbox_heads import BBoxHead
    from mmdet.models.roi_heads.mask_heads import FCNMaskHead

    check_predicts_as(roi_head, CascadeRoIHead, StandardRoIHead)
    heads: dict[str, nn.Module] = {}
    stages: list[Settings] = []
    masks: list[Settings] = []
    found = zip(members(roi_head.bbox_head), members(roi_head.bbox_roi_extractor), strict=True)
    for head, extractor in found:
        check_predicts_as(head, BBoxHead)
        if head.custom_activation or not head.with_reg:
            raise OptionError(
                f'A whole model needs boxes and softmax scores of {type(head).__name__}, and its '
                f'loss_cls or with_reg says otherwise. {TENSOR_PART}'
            )
        name = f'bbox_head_{len(stages)}'
        heads[name] = head
        stages.append(_stage(name, extractor) | dict(coder=coder_settings(head.bbox_coder)))
    if roi_head.with_mask:
        found = zip(members(roi_head.mask_head), members(roi_head.mask_roi_extractor), strict=True)
        for head, extractor in found:
            check_predicts_as(head, FCNMaskHead)
            name = f'mask_head_{len(masks)}'
            heads[name] = head
            masks.append(_stage(name, extractor))
    test = roi_head.test_cfg
    return dict(
        stages=stages,
        score_thr=test.score_thr,
        max_per_img=test.max_per_img,
        iou_threshold=nms_threshold(test.nms),
        mask=_mask_settings(roi_head, masks) if masks else None,
    ), heads


def _mask_settings(roi_head: Any, stages: list[Settings]) -> Settings:
    threshold = roi_head.test_cfg.mask_thr_binary
    if threshold < 0:
        raise OptionError(
            f'test_cfg.rcnn.mask_thr_binary of a whole model must be at least 0, got {threshold}.'
        )
    head = members(roi_head.mask_head)[-1]
    return dict(stages=stages, threshold=threshold, class_agnostic=bool(head.class_agnostic))


def _stage(graph: str, extractor: nn.Module) -> Settings:
    return dict(graph=graph, extractor=_extractor_settings(extractor))


def _extractor_settings(extractor: Any) -> Settings:
    layers = list(getattr(extractor, 'roi_layers', []))
    kinds = {type(layer).__name__ for layer in layers}
    if type(extractor).__name__ != 'SingleRoIExtractor' or kinds != {'RoIAlign'}:
        raise OptionError(
            'A whole model needs a SingleRoIExtractor with RoIAlign, got '
            f'{type(extractor).__name__} with {", ".join(sorted(kinds))}. {TENSOR_PART}'
        )
    name, _ = _align_of(layers[0])
    return dict(
        graph=name,
        strides=[float(stride) for stride in extractor.featmap_strides],
        finest_scale=extractor.finest_scale,
    )


def _align_of(layer: Any) -> tuple[str, Settings]:
    """Name and attributes of the operator ``RoiAlign`` that does the work of mmcv's layer."""
    if layer.pool_mode != 'avg':
        raise OptionError(
            f"A whole model needs RoIAlign with pool_mode='avg', got {layer.pool_mode!r}. "
            f'{TENSOR_PART}'
        )
    height, width = layer.output_size
    name = f'roi_align_{height}x{width}'
    name += f'_{layer.sampling_ratio}_samples' * (layer.sampling_ratio > 0)
    name += '_not_aligned' * (not layer.aligned)
    return name, dict(
        output_height=height,
        output_width=width,
        sampling_ratio=layer.sampling_ratio,
        mode='avg',
        coordinate_transformation_mode='half_pixel' if layer.aligned else 'output_half_pixel',
    )


def align_settings(roi_head: Any) -> dict[str, Settings]:
    """Attributes of the operator ``RoiAlign`` for each graph that the settings name."""
    extractors = members(roi_head.bbox_roi_extractor)
    if roi_head.with_mask:
        extractors += members(roi_head.mask_roi_extractor)
    return dict(_align_of(extractor.roi_layers[0]) for extractor in extractors)
