# Q-SNN's ResNet-19: 1-bit weights, first and last layer 8 bits, membranes of few bits.
# Trains as published, with the largest potential of each step; evaluation takes a stored limit, so
# that a picture does not depend on its neighbours. scale='batch' does as the released code.
neuron_cfg = dict(
    type='mmpretrain.LIF',
    tau=2.0,
    decay_input=False,
    surrogate='triangle',
    strict=True,
    state_quant=dict(type='UniformState', bits=4, squash='tanh', scale='stored'),
)
# The released 8-bit layers take the largest weight with its sign (scale='signed_max'): one that is
# more negative leaves the 8 bits.
eight_bit = dict(type='mmpretrain.UniformQuantizer', bits=8, scale='max', per='layer')
quantization = dict(
    default=dict(type='mmpretrain.BinaryQuantizer', scale='power_of_two', gradient='anneal'),
    stem=eight_bit,
    readout=eight_bit,
)

model = dict(
    type='AuxiliaryLosses',
    of=dict(
        type='ImageClassifier',
        backbone=dict(
            type='SpikingResNet', width=128, neuron_cfg=neuron_cfg, T=2, out_time='batch'
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='TemporalLinearClsHead', T=2, num_classes=10, in_channels=512, each_step=True
        ),
    ),
    # Spikes that are as likely as silence tell most.
    losses=dict(rate=dict(type='FiringRateLoss', target=0.5, weight=5e-3, skip=('first', 'last'))),
)
