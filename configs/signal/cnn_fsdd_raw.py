# An ordinary 1-d network (BN, ReLU, float) on the waveform of qtsnn_fsdd.py: no bands, no spikes.
_base_ = './qtsnn_fsdd_float.py'

length = 8192  # 1 s
load = dict(
    type='OncePerSample',
    transforms=[
        dict(type='LoadSignal', rate=8000),
        dict(type='ScaleSignal', center='mean', scale='std'),
    ],
    keep=['signal'],
)
pack = [dict(type='SignalToImage', key='signal'), dict(type='PackInputs')]
train_pipeline = [load, dict(type='CropOrPadSignal', length=length, jitter=1280), *pack]
test_pipeline = [load, dict(type='CropOrPadSignal', length=length), *pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

model = dict(
    backbone=dict(
        in_channels=1,
        channels=(32, 64, 96, 128, 128),
        kernel_sizes=(31, 9, 5, 5, 5),
        strides=(8, 4, 4, 2, 2),  # 16 places are left
        spikes_in=False,
        neuron_cfg=dict(_delete_=True, type='ReLU'),
        T=1,
    ),
    head=dict(
        _delete_=True,
        type='TemporalLinearClsHead',
        T=1,
        num_classes=10,
        in_channels=128 * 16,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)
