# SNN-ViT 8-384, ImageNet-1k, T = 4: 30.5M parameters (published: 30.4M). 310 epochs at 224 x 224
# with batch 128 are published; optimizer, augmentation and number of GPUs are ours.
_base_ = [
    '../_base_/models/snn_vit_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)

train_dataloader = dict(batch_size=32)
train_cfg = dict(max_epochs=310)
optim_wrapper = dict(optimizer=dict(lr=5e-4, weight_decay=0.05))
_base_.param_scheduler[1].end = 310
auto_scale_lr = dict(base_batch_size=128)
