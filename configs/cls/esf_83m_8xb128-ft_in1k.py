# E-SpikeFormer 83M on ImageNet-1k after masked pre-training, 1 x 4: the published fine-tuning.
_base_ = [
    '../_base_/models/esf_large_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_bs1024_lamb_ft_150e.py',
    '../_base_/default_runtime_cls.py',
]

# A checkpoint of the pre-training (configs/mim) or a converted published one.
pretrained = None

model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'))
)
train_dataloader = dict(batch_size=128)
default_hooks = dict(ema=_base_.ema_hook)
