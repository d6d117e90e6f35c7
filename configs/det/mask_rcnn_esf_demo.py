# A small spiking Mask R-CNN on the embedded Shapes data set: `make demo`.
_base_ = [
    '../_base_/models/mask_rcnn_esf_tiny.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/default_runtime_det.py',
]

# What makes it fast on two cores: half the blocks of tiny, few proposals, few samples.
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, channels=(24, 48, 96, 128), depths=(1, 1, 2, 2, 1)),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=2)),
        mask_roi_extractor=dict(roi_layer=dict(sampling_ratio=1)),
        bbox_head=dict(num_classes=3),
        mask_head=dict(num_classes=3),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=300, max_per_img=100),
        rcnn=dict(sampler=dict(num=32, pos_fraction=0.5)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=100), rcnn=dict(max_per_img=20)),
)

# 7 epochs of 80 iterations from scratch
train_dataloader = dict(batch_size=4)
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=7, val_interval=7)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=560, eta_min=1e-5),
]
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=7, max_keep_ckpts=2),
    visualization=dict(score_thr=0.7),
)
visualizer = dict(alpha=0.5)  # the thing shows through its mask
auto_scale_lr = dict(enable=False, base_batch_size=4)
randomness = dict(seed=0)
