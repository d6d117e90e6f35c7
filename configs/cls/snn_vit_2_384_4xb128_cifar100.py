# SNN-ViT on CIFAR-100, T = 4: as on CIFAR-10, 5.63M parameters.
_base_ = [
    '../_base_/models/snn_vit_cls.py',
    '../_base_/datasets/cifar100_randaug.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    backbone=dict(depth=2, stem='cifar', mlp_ratio=5, out_indices=(0,)),
    head=dict(num_classes=100),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5)]),
)
default_hooks = dict(mixup_end=_base_.mixup_end)
