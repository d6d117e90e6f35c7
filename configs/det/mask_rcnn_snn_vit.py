# Mask R-CNN on SNN-ViT 8-512, COCO, 1x schedule, batch 32. Its maps for dense tasks are ours.
_base_ = [
    '../_base_/models/mask_rcnn_esf.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/coco_1x.py',
    '../_base_/default_runtime_det.py',
]

# A path or URL of a checkpoint of cls/snn_vit_8_512_4xb32_in1k.py.
pretrained = None

strides = [4, 8, 16, 32, 64]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SNNViT',
        channels=512,
        depth=8,
        mlp_ratio=10.5,
        T=4,
        out_indices=(0, 1, 2, 3),
        with_cp=True,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(in_channels=[128, 256, 512, 512]),
    rpn_head=dict(anchor_generator=dict(strides=strides, base_sizes=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
