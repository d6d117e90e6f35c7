# Spike-driven masked pre-training of E-SpikeFormer 83M on ImageNet-1k: the published recipe.
_base_ = [
    '../_base_/models/spike_mae_esf.py',
    '../_base_/datasets/imagenet_mim.py',
    '../_base_/schedules/imagenet_bs2048_adamw_mim_200e.py',
    '../_base_/default_runtime_mim.py',
]

default_hooks = dict(checkpoint=dict(interval=10))
