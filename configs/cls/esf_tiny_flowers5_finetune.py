# The recipe of esf_83m_8xb128-ft_in1k.py on flowers5: layer-wise rates, EMA, mixup, cutmix.
_base_ = [
    '../_base_/models/esf_cls.py',
    '../_base_/datasets/flowers5_randaug.py',
    '../_base_/schedules/imagenet_bs1024_lamb_ft_150e.py',
    '../_base_/default_runtime_cls.py',
]

# A checkpoint to start from: work_dirs/spike-mae_esf_tiny_flowers5/epoch_60.pth (configs/mim).
pretrained = None

model = dict(
    backbone=dict(
        arch='tiny',
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    head=dict(num_classes=5, in_channels=128, analog=None),  # reads potentials, unlike published
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)

train_cfg = dict(max_epochs=20, val_interval=10)
_base_.param_scheduler[0].end = 2
_base_.param_scheduler[1].begin = 2
# Few steps: twice as long as published. Float32, as on every CPU.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4.8e-3))
_base_.ema_hook.momentum = 0.02  # remembers two epochs
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2), ema=_base_.ema_hook)
auto_scale_lr = dict(base_batch_size=16)
randomness = dict(seed=0)
