# Fine-tuning after spike-mae_esf_tiny_flowers5.py; without `pretrained` it trains from scratch.
_base_ = '../cls/esf_tiny_flowers5.py'

# A checkpoint to start from: work_dirs/spike-mae_esf_tiny_flowers5/epoch_60.pth
pretrained = None

model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
)

# The size of the pre-training.
train_pipeline = _base_.train_pipeline
train_pipeline[1].scale = 96
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = 110
test_pipeline[2].crop_size = 96
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# Too short to learn everything from 400 pictures.
max_epochs = 12
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, end=2, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=2,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=max_epochs))
