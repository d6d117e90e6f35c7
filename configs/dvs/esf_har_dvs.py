# E-SpikeFormer 19M on HAR-DVS, T x D = 8 x 4: the published recipe, batch 72 (3 x 24).
_base_ = ['../_base_/datasets/har_dvs.py', '../_base_/default_runtime_cls.py']

custom_imports = dict(
    imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.events', 'mmsfa.visualization.events']
)
# A path or URL of a checkpoint whose backbone is the start.
pretrained = None
T = {{_base_.T}}
# Counts 0..4 are not divided, and no membrane potential stays until the next time step.
neuron_cfg = dict(type='mmpretrain.SFA', D=4, norm=1, beta=0)

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer',
        arch='19m',
        in_channels=2,
        out_indices=(4,),
        neuron_cfg=neuron_cfg,
        layer_scale_init=1e-6,
        T=T,
        out_time='batch',
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeTemporalClsHead',
        T=T,
        num_classes=300,
        in_channels=360,
        neuron_cfg=neuron_cfg,
        analog=(),  # the classifier counts spikes, as published
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
    ),
)

max_epochs = 100
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    # 4e-5 for each 256 clips of a batch
    optimizer=dict(type='AdamW', lr=1.125e-5, weight_decay=1e-2),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=True, end=10, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=10,
        end=max_epochs,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
# Decay 0.999, also of BN's statistics, after SyncNormStatsHook (NORMAL) has averaged them.
default_hooks = dict(
    ema=dict(type='EMAHook', momentum=1e-3, update_buffers=True, priority='BELOW_NORMAL')
)
visualizer = dict(type='EventVisualizer')
auto_scale_lr = dict(enable=False, base_batch_size=72)
