# The network of qtsnn_fsdd.py with float weights and membranes, on the same spikes.
_base_ = [
    '../_base_/datasets/fsdd.py',
    '../_base_/schedules/signal_cpu.py',
    '../_base_/default_runtime_cls.py',
]
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.signals'])

default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10, max_keep_ckpts=1))
auto_scale_lr = dict(enable=False, base_batch_size=40)
randomness = dict(seed=0)

T = {{_base_.T}}
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='QTSNN',
        in_channels=32,
        channels=(64, 96, 128),
        kernel_sizes=5,
        strides=(1, 2, 2),
        neuron_cfg=dict(type='mmpretrain.TernaryLIF', threshold=0.5),
        T=T,
    ),
    head=dict(
        type='TemporalLinearClsHead',
        T=T,
        num_classes=10,
        in_channels=128 * 12,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)
