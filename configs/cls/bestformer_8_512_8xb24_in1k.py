# BESTformer 8-512, ImageNet-1k, T = 4, as far as its recipe is published: the number of GPUs, the
# heads, the warm-up and the last learning rate are ours.
_base_ = [
    '../_base_/models/bestformer_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    backbone=dict(channels=512, depth=8, map='kv', out_indices=(2,)),
    head=dict(num_classes=1000, in_channels=2 * 512),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)

train_dataloader = dict(batch_size=24)
train_cfg = dict(max_epochs=300)
optim_wrapper = dict(optimizer=dict(lr=5e-4, weight_decay=0.05))
_base_.param_scheduler[1].end = 300
auto_scale_lr = dict(base_batch_size=192)
