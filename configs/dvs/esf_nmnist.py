# A small E-SpikeFormer on 600 recordings of N-MNIST, T x D = 3 x 4, trained from scratch on a CPU.
_base_ = ['../_base_/datasets/nmnist.py', '../_base_/default_runtime_cls.py']

custom_imports = dict(
    imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.events', 'mmsfa.visualization.events']
)
T = {{_base_.T}}

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer',
        arch=dict(channels=(32, 64, 96, 128), depths=(1, 1, 1, 1, 1)),
        in_channels=2,
        out_indices=(4,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, beta=0.25),
        T=T,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeLinearClsHead',
        num_classes=10,
        in_channels=128,
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, norm=1),  # with analog=() only
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)

max_epochs = 50
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05), clip_grad=dict(max_norm=5.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, end=3, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=3,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10, max_keep_ckpts=2))
visualizer = dict(type='EventVisualizer')
auto_scale_lr = dict(enable=False, base_batch_size=20)
randomness = dict(seed=0)
