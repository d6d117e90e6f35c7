# VGG-16 with the neurons and the quantised weights of QP-SNN; first and last layer are float.
neuron_cfg = dict(
    type='mmpretrain.LIF', tau=2.0, decay_input=False, surrogate='triangle', strict=True
)
quantization = dict(
    default=dict(type='mmpretrain.ReScaWQuantizer', bits=4, scale='mean'),
    stem=None,
    readout=None,
)

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='SpikingVGG',
        plan=(64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512),
        stem_bias=True,
        neuron_cfg=neuron_cfg,
        T=2,
        out_time='batch',
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='TemporalLinearClsHead', T=2, num_classes=10, in_channels=512),
)
