# A small SNN-ViT on 600 recordings of N-MNIST, T x D = 3 x 4, trained from scratch on a CPU.
_base_ = './esf_nmnist.py'

channels = 96
model = dict(
    backbone=dict(
        _delete_=True,
        type='SNNViT',
        channels=channels,
        depth=2,
        stem='cifar',  # 34 x 34 pixels become 9 x 9 tokens
        in_channels=2,
        out_indices=(0,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, beta=0.25),
        T={{_base_.T}},
    ),
    head=dict(in_channels=channels),
)
