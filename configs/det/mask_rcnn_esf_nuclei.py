# A small spiking Mask R-CNN on cell nuclei, trained from scratch on a CPU within half an hour.
_base_ = [
    '../_base_/models/mask_rcnn_esf_tiny.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/default_runtime_det.py',
]

model = dict(
    # Crops of 256 x 256 have 16 x 16 tokens, the pictures of the test up to four times as many.
    backbone=dict(attn_cfg=dict(token_norm=16 * 16)),
    roi_head=dict(
        bbox_head=dict(num_classes=1),
        # A neuron in front of the masks, as published, costs 4 points of mask AP here.
        mask_head=dict(num_classes=1, analog=('conv_logits',)),
    ),
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
)

train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=20, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=600, eta_min=1e-5),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10, max_keep_ckpts=2))
auto_scale_lr = dict(enable=False, base_batch_size=4)
randomness = dict(seed=0)
