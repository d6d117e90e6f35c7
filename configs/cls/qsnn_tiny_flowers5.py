# A small VGG with the weights and membranes of Q-SNN on five kinds of flowers, on a CPU. With max
# pooling spikes arrive at every layer but the first.
_base_ = [
    '../_base_/models/qsnn_resnet19.py',
    '../_base_/datasets/flowers5.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    of=dict(
        backbone=dict(
            _delete_=True,
            type='SpikingVGG',
            plan=(32, 'M', 64, 64, 'M', 128, 128, 'M', 128),
            neuron_cfg={{_base_.neuron_cfg}},
            T=2,
            out_time='batch',
        ),
        head=dict(num_classes=5, in_channels=128),
    ),
)

size = 64
_base_.train_pipeline[1].scale = size
_base_.test_pipeline[1].scale = 73
_base_.test_pipeline[2].crop_size = size
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader

max_epochs = 40
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = dict(type='CosineAnnealingLR', end=max_epochs, eta_min=1e-5)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
auto_scale_lr = dict(enable=False, base_batch_size=16)
randomness = dict(seed=0)
