# QT-SNN for 96 samples of 32 channels in two steps; the read-out adds up the spikes of all places.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='QTSNN',
        in_channels=32,
        channels=(64, 96, 128),
        kernel_sizes=5,
        strides=(1, 2, 2),
        neuron_cfg=dict(type='mmpretrain.TernaryLIF', threshold=0.5),
        T=2,
    ),
    head=dict(
        type='SpikeTemporalClsHead',
        T=2,
        num_classes=10,
        in_channels=128 * 12,
        neuron_cfg=dict(type='mmpretrain.TernaryInput'),  # it reads spikes and makes none
        analog=(),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)
