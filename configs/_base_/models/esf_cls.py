# E-SpikeFormer 19M, five maps; the classifier counts spikes (0..4, undivided), as published.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer',
        arch='19m',
        out_indices=(4,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeLinearClsHead',
        num_classes=1000,
        in_channels=360,
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, norm=1),
        analog=(),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
    ),
)
