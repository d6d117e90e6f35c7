"""How mmdet's heads turn maps into boxes, as settings of `mmsfa.runtime`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmsfa.errors import OptionError

Settings = dict[str, Any]
TENSOR_PART = 'Export the tensor part alone: --out FILE.onnx.'


def check_predicts_as(module: nn.Module, *bases: type) -> type:
    """Make sure that a head predicts with the methods of a class that the runtime imitates.

    Args:
        module: A head or model.
        *bases: Classes of the mm libraries.

    Returns:
        The first of ``bases`` that it is.

    Raises:
        OptionError: It is none of them, or has a way of its own to predict.
    """
    kinds = type(module).__mro__
    base = next((base for base in bases if base in kinds), None)
    before = kinds[: kinds.index(base)] if base else ()
    own = {name for kind in before for name in vars(kind) if hasattr(base, name)}
    if base is None or any('predict' in name or 'post_process' in name for name in own):
        names = ', '.join(base.__name__ for base in bases)
        raise OptionError(
            f'A whole model must predict as {names} of its mm library, and {type(module).__name__} '
            f'has a way of its own. {TENSOR_PART}'
        )
    return base


def one_stage_settings(head: Any) -> Settings:
    """``one_stage`` of a folder, from the head of a one-stage detector."""
    from mmdet.models.dense_heads import YOLOV3Head
    from mmdet.models.dense_heads.base_dense_head import BaseDenseHead

    if check_predicts_as(head, YOLOV3Head, BaseDenseHead) is YOLOV3Head:
        own = dict(type='yolo', num_classes=head.num_classes)
        return own | dict(conf_thr=head.test_cfg.get('conf_thr', -1)) | _of_dense(head)
    return _of_dense(head) | dict(
        type='levels',
        coder=coder_settings(head.bbox_coder),
        score_factors=getattr(head, 'loss_centerness', None) is not None,
        **_activation(head),
    )


def proposal_settings(head: Any) -> Settings:
    """``proposals`` of a folder, from an RPN."""
    from mmdet.models.dense_heads import RPNHead

    check_predicts_as(head, RPNHead)
    return _of_dense(head) | dict(coder=coder_settings(head.bbox_coder), **_activation(head))


def _activation(head: Any) -> Settings:
    if getattr(head.loss_cls, 'custom_cls_channels', False):
        raise OptionError(
            f'A whole model needs sigmoid or softmax scores, and {type(head.loss_cls).__name__} of '
            f'{type(head).__name__} has its own. {TENSOR_PART}'
        )
    return dict(sigmoid=bool(head.use_sigmoid_cls), channels=int(head.cls_out_channels))


def _of_dense(head: Any) -> Settings:
    test = head.test_cfg
    return dict(
        levels=level_settings(head.prior_generator),
        nms_pre=test.get('nms_pre', -1),
        score_thr=test.get('score_thr', 0),
        min_bbox_size=test.get('min_bbox_size', -1),
        max_per_img=test.max_per_img,
        iou_threshold=nms_threshold(test.nms),
    )


def level_settings(generator: Any) -> list[Settings]:
    """Stride and first anchors (or point) of each level."""
    name = type(generator).__name__
    if name == 'MlvlPointGenerator':
        bases = [[[generator.offset * x for x in stride]] for stride in generator.strides]
    elif name in ('AnchorGenerator', 'YOLOAnchorGenerator'):
        bases = [anchors.tolist() for anchors in generator.base_anchors]
    else:
        raise OptionError(
            'A whole model needs anchors of AnchorGenerator, YOLOAnchorGenerator or '
            f'MlvlPointGenerator, got {name}. {TENSOR_PART}'
        )
    pairs = zip(generator.strides, bases, strict=True)
    return [dict(stride=list(map(float, stride)), base=base) for stride, base in pairs]


def coder_settings(coder: Any) -> Settings:
    """A box coder of mmdet."""
    name = type(coder).__name__
    if name == 'DistancePointBBoxCoder':
        return dict(type='distance', clip_border=coder.clip_border)
    if name != 'DeltaXYWHBBoxCoder':
        raise OptionError(
            'A whole model needs boxes of DeltaXYWHBBoxCoder or DistancePointBBoxCoder, got '
            f'{name}. {TENSOR_PART}'
        )
    return dict(
        type='delta',
        means=_numbers(coder.means),
        stds=_numbers(coder.stds),
        clip_border=coder.clip_border,
        add_ctr_clamp=coder.add_ctr_clamp,
        ctr_clamp=coder.ctr_clamp,
    )


def _numbers(values: Any) -> list[float]:
    return values.tolist() if isinstance(values, Tensor) else list(map(float, values))


def nms_threshold(nms: Any) -> float:
    """The threshold of ordinary NMS.

    Raises:
        OptionError: It is another NMS, or has settings that the runtime does not know.
    """
    settings = dict(nms or {})
    kind, threshold = settings.pop('type', 'nms'), settings.pop('iou_threshold', None)
    if kind != 'nms' or threshold is None or settings:
        raise OptionError(
            "A whole model needs nms=dict(type='nms', iou_threshold=...) in its test_cfg, got "
            f'{nms}. {TENSOR_PART}'
        )
    return float(threshold)
