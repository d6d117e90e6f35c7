# A small E-SpikeFormer at 64 x 64 pixels for `tools/analysis_tools/benchmark.py --sfa-vs-lif`: its
# LIF twin, with four real time steps, trains within minutes on one core.
_base_ = './esf_tiny_flowers5.py'

model = dict(
    backbone=dict(
        _delete_=True,  # a name cannot be merged with a dict
        type='ESpikeFormer',
        arch=dict(channels=(16, 32, 48, 64), depths=(1, 1, 1, 2, 1)),
        out_indices=(4,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    head=dict(in_channels=64),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=64, crop_ratio_range=(0.35, 1.0), backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=72, edge='short', backend='pillow'),
    dict(type='CenterCrop', crop_size=64),
    dict(type='PackInputs'),
]
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(**loader, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(**loader, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs)
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
