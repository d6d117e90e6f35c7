# A small BESTformer on five kinds of flowers, from scratch on a CPU. With a teacher (first
# `python tools/train.py configs/cls/teachers/resnet18_flowers5.py`): `--cfg-options
# model.teacher=configs/cls/teachers/resnet18_flowers5.py
# model.teacher_ckpt=work_dirs/resnet18_flowers5/epoch_60.pth`.
_base_ = './esf_tiny_flowers5.py'

channels = 96
model = dict(
    type='DistilledImageClassifier',
    backbone=dict(
        _delete_=True,
        type='BESTformer',
        channels=channels,
        depth=2,
        num_heads=4,
        map='qk',
        stem='imagenet',  # blocks at stride 16
        T=2,
        out_indices=(2,),
        out_streams='both',
    ),
    head=dict(
        _delete_=True,
        type='TwoStreamLinearClsHead',
        num_classes=5,
        in_channels=2 * channels,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
    teacher=None,
    teacher_ckpt=None,
    kd_type='hard',
    kd_alpha=0.5,
)
