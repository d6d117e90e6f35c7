# CIFAR-100 as BESTformer augments CIFAR-10.
_base_ = './cifar10_randaug.py'

data_root = 'data/cifar100'
data_preprocessor = dict(
    num_classes=100, mean=[129.304, 124.070, 112.434], std=[68.170, 65.392, 70.418]
)

_base_.train_pipeline[2].hparams.pad_val = [round(x) for x in data_preprocessor['mean']]
_base_.train_pipeline[3].update(
    fill_color=data_preprocessor['mean'], fill_std=data_preprocessor['std']
)

dataset = dict(type='CIFAR100', data_root=data_root)
train_dataloader = dict(dataset=dict(**dataset, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
