# A small spiking Mask R-CNN on the embedded Shapes data set: `make demo`.
_base_ = [
    '../_base_/models/mask_rcnn_esf_tiny.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/default_runtime_det.py',
]

model = dict(
    roi_head=dict(bbox_head=dict(num_classes=3), mask_head=dict(num_classes=3)),
    test_cfg=dict(rcnn=dict(max_per_img=20)),
)

# 16 epochs from scratch
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=16, val_interval=8)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=640, eta_min=1e-5),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=8, max_keep_ckpts=1))
auto_scale_lr = dict(enable=False, base_batch_size=8)
randomness = dict(seed=0)
