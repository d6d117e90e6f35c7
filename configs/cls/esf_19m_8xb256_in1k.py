# E-SpikeFormer 19M on ImageNet-1k from scratch, 1 x 4: the published recipe.
_base_ = [
    '../_base_/models/esf_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_bs2048_lamb_200e.py',
    '../_base_/default_runtime_cls.py',
]
