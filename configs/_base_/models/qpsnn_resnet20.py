# ResNet-20 with the neurons and the quantised weights of QP-SNN. Bits and T are published; the
# widths of the stages (64, 128, 256) are ours.
_base_ = 'qpsnn_vgg16.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SpikingResNet',
        width=64,
        depths=(3, 3, 3),
        neuron_cfg={{_base_.neuron_cfg}},
        T=2,
        out_time='batch',
    ),
    head=dict(in_channels=256),
)
