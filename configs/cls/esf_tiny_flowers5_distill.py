# The recipe of esf_83m_8xb196-distill_in1k.py on flowers5, from scratch or from `load_from`. Its
# teacher comes first: `python tools/train.py configs/cls/teachers/resnet18_flowers5.py`. What it is
# worth: the same with `--cfg-options model.teacher=None`.
_base_ = [
    '../_base_/models/esf_cls.py',
    '../_base_/datasets/flowers5_randaug.py',
    '../_base_/schedules/imagenet_bs1568_lamb_distill_100e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    type='DistilledImageClassifier',
    backbone=dict(arch='tiny', drop_path_rate=0.1),
    head=dict(
        type='SpikeDistilledLinearClsHead',
        num_classes=5,
        in_channels=128,
        analog=None,  # both heads read potentials, unlike published
    ),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5), dict(type='CutMix', alpha=1.0)]),
    teacher='configs/cls/teachers/resnet18_flowers5.py',
    teacher_ckpt='work_dirs/resnet18_flowers5/epoch_60.pth',
)

train_cfg = dict(max_epochs=20, val_interval=10)
_base_.param_scheduler[0].end = 2
_base_.param_scheduler[1].begin = 2
optim_wrapper = dict(type='OptimWrapper')  # float32, as on every CPU
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
auto_scale_lr = dict(base_batch_size=16)
randomness = dict(seed=0)
