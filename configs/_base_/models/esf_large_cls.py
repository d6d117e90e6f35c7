# E-SpikeFormer 83M (large family): rounds half up, layer scales, drop path; mixup and cutmix. The
# classifier reads the mean potential; a second head (distillation) counts spikes, as published.
neuron = dict(type='mmpretrain.SFA', D=4, rounding='half_up', grad_range='open')

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer',
        arch='83m',
        out_indices=(3,),
        neuron_cfg=neuron,
        drop_path_rate=0.1,
        layer_scale_init=1e-6,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeLinearClsHead',
        num_classes=1000,
        in_channels=512,
        neuron_cfg=dict(**neuron, norm=1),
        analog=('fc',),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'),
    ),
    train_cfg=dict(
        augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)],
    ),
)
