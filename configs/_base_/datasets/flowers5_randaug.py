# flowers5 in the pipelines of ImageNet, at 96 pixels: the published recipes within minutes.
_base_ = './imagenet.py'

dataset_type = 'CustomDataset'
data_root = 'data/flowers5'
classes = ['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips']
data_preprocessor = dict(num_classes=5)

_base_.train_pipeline[1].update(scale=96, crop_ratio_range=(0.35, 1.0))
_base_.test_pipeline[1].scale = 110
_base_.test_pipeline[2].crop_size = 96

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root=data_root,
        ann_file='meta/train.txt',
        data_prefix='train',
        classes=classes,
        pipeline=_base_.train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=25,
    num_workers=2,
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root=data_root,
        ann_file='meta/val.txt',
        data_prefix='val',
        classes=classes,
        pipeline=_base_.test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator
