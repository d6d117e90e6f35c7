# An ordinary 1-d network (BN, ReLU, float) on the signal of qtsnn_eeg_eye.py, without spikes.
_base_ = './qtsnn_eeg_eye_float.py'

load = [dict(type='LoadSignal'), dict(type='ScaleSignal', scale=10.0, clip=8.0)]
pipeline = [*load, dict(type='SignalToImage', key='signal'), dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader

model = dict(
    backbone=dict(
        channels=(32, 48, 64, 64),
        spikes_in=False,
        neuron_cfg=dict(_delete_=True, type='ReLU'),
        T=1,
    ),
    head=dict(
        _delete_=True,
        type='TemporalLinearClsHead',
        T=1,
        num_classes=2,
        in_channels=64 * 8,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)
