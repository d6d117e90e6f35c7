# E-SpikeFormer tiny on five kinds of flowers, trained from scratch on a CPU within half an hour.
_base_ = ['../_base_/datasets/flowers5.py', '../_base_/default_runtime_cls.py']

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer',
        arch='tiny',
        out_indices=(4,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeLinearClsHead',
        num_classes=5,
        in_channels=128,
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, norm=1),  # with analog=() only
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)

max_epochs = 60
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05), clip_grad=dict(max_norm=5.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, end=5, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=5,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
auto_scale_lr = dict(enable=False, base_batch_size=16)
randomness = dict(seed=0)
