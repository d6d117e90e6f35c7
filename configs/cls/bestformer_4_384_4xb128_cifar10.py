# BESTformer 4-384, CIFAR-10, T = 4: the published recipe; its teacher: see the base of the model.
_base_ = [
    '../_base_/models/bestformer_cls.py',
    '../_base_/datasets/cifar10_randaug.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5)]))
default_hooks = dict(mixup_end=_base_.mixup_end)
