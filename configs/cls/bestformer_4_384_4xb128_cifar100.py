# BESTformer 4-384, CIFAR-100, T = 4: the published recipe.
_base_ = [
    '../_base_/models/bestformer_cls.py',
    '../_base_/datasets/cifar100_randaug.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(head=dict(num_classes=100), train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5)]))
default_hooks = dict(mixup_end=_base_.mixup_end)
