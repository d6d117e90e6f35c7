# YOLOv3 on SNN-ViT 8-384, COCO boxes, 3x schedule. Published is a YOLOv3 on SNN-ViT for aerial
# pictures, without its neck, anchors and sizes: all of them are mmdet's here.
_base_ = [
    '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/coco_3x.py',
    '../_base_/default_runtime_det.py',
]

# A path or URL of a checkpoint of cls/snn_vit_8_384_4xb32_in1k.py.
pretrained = None

head_neuron = dict(type='mmpretrain.SFA', D=4, norm=1)
score_loss = dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0, reduction='sum')

model = dict(
    type='YOLOV3',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='mmpretrain.SNNViT',
        channels=384,
        depth=8,
        mlp_ratio=10.5,
        T=4,
        out_indices=(1, 2, 3),
        with_cp=True,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(
        type='SpikeYOLOV3Neck',
        num_scales=3,
        in_channels=[384, 384, 192],
        out_channels=[512, 256, 128],
        neuron_cfg=head_neuron,
    ),
    bbox_head=dict(
        type='SpikeYOLOV3Head',
        num_classes=80,
        in_channels=[512, 256, 128],
        out_channels=[1024, 512, 256],
        anchor_generator=dict(
            type='YOLOAnchorGenerator',
            base_sizes=[
                [(116, 90), (156, 198), (373, 326)],
                [(30, 61), (62, 45), (59, 119)],
                [(10, 13), (16, 30), (33, 23)],
            ],
            strides=[32, 16, 8],
        ),
        bbox_coder=dict(type='YOLOBBoxCoder'),
        featmap_strides=[32, 16, 8],
        loss_cls=score_loss,
        loss_conf=score_loss,
        loss_xy=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=2.0, reduction='sum'),
        loss_wh=dict(type='MSELoss', loss_weight=2.0, reduction='sum'),
        neuron_cfg=head_neuron,
    ),
    train_cfg=dict(
        assigner=dict(type='GridAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0)
    ),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        conf_thr=0.005,
        nms=dict(type='nms', iou_threshold=0.45),
        max_per_img=100,
    ),
)

train_dataloader = dict(batch_size=2)
auto_scale_lr = dict(base_batch_size=16)
