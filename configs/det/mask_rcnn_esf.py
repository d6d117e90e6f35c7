# Mask R-CNN, E-SpikeFormer 19M, COCO, 1x schedule, batch 32: the published recipe.
# For mmdet's ordinary neck and heads, put mask_rcnn_esf_ordinary_heads.py into the first line.
_base_ = [
    '../_base_/models/mask_rcnn_esf.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/coco_1x.py',
    '../_base_/default_runtime_det.py',
]

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

model = dict(backbone=dict(init_cfg=dict(checkpoint=pretrained)))
