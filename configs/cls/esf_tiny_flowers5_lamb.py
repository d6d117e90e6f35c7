# The recipe of esf_19m_8xb256_in1k.py on flowers5: tiny, 96 pixels, 40 epochs on a CPU.
_base_ = [
    '../_base_/models/esf_cls.py',
    '../_base_/datasets/flowers5_randaug.py',
    '../_base_/schedules/imagenet_bs2048_lamb_200e.py',
    '../_base_/default_runtime_cls.py',
]

model = dict(
    backbone=dict(arch='tiny'),
    head=dict(num_classes=5, in_channels=128, analog=None),  # reads potentials, unlike published
)

train_cfg = dict(max_epochs=40, val_interval=10)
_base_.param_scheduler[0].end = 2
_base_.param_scheduler[1].begin = 2
optim_wrapper = dict(type='OptimWrapper')  # float32, as on every CPU
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
auto_scale_lr = dict(base_batch_size=16)
randomness = dict(seed=0)
