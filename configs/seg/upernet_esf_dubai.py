# A small spiking UperNet on satellite pictures, trained from scratch on a CPU within half an hour.
_base_ = [
    '../_base_/models/upernet_esf_tiny.py',
    '../_base_/datasets/dubai_semantic.py',
    '../_base_/schedules/cpu_600.py',
    '../_base_/default_runtime_seg.py',
]

# Land covers half of the pictures, vegetation a twentieth: without weights the rare classes are
# not learnt in this time. About frequency to the power of -0.7, with mean 1.
class_weight = [0.9, 0.375, 1.225, 1.85, 0.65]

model = dict(
    decode_head=dict(num_classes=5, loss_decode=dict(class_weight=class_weight)),
    auxiliary_head=dict(num_classes=5, loss_decode=dict(class_weight=class_weight)),
    # What a crop of 256 x 256 has, so that whole pictures may be tested, too.
    backbone=dict(attn_cfg=dict(token_norm=16 * 16)),
    # Windows of the training size that overlap are better.
    test_cfg=dict(mode='slide', crop_size=(256, 256), stride=(170, 170)),
)

# 1400 iterations of batch 4
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_iters=1400, val_interval=700)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1400, eta_min=1e-5),
]
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=700, max_keep_ckpts=2))
randomness = dict(seed=0)
