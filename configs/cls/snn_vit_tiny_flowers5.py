# A small SNN-ViT on five kinds of flowers, T x D = 2 x 4, from scratch on a CPU.
_base_ = './esf_tiny_flowers5.py'

channels = 128
model = dict(
    backbone=dict(
        _delete_=True,
        type='SNNViT',
        channels=channels,
        depth=3,
        T=2,
        out_indices=(2,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    head=dict(in_channels=channels),
)
