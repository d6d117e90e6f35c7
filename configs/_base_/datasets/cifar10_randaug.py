# CIFAR-10 as BESTformer augments it: RandAugment rand-m9-n1, random erasing 0.25.
_base_ = 'mmpretrain::_base_/datasets/cifar10_bs16.py'

data_root = 'data/cifar10'
mean = _base_.data_preprocessor.mean  # pictures are RGB already

train_pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandAugment',
        policies='timm_increasing',
        num_policies=1,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[round(x) for x in mean], interpolation='bicubic'),
    ),
    dict(
        type='RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        fill_color=mean,
        fill_std=_base_.data_preprocessor.std,
    ),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=128, num_workers=4, persistent_workers=True, dataset=dict(data_root=data_root)
)
test_dataloader = val_dataloader
