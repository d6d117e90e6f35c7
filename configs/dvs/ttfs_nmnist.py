# A network of spike times on the first events of 600 recordings of N-MNIST, trained on a CPU.
_base_ = ['../_base_/datasets/nmnist.py', '../_base_/default_runtime_cls.py']

custom_imports = dict(
    imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.events', 'mmsfa.visualization.events']
)
rule = dict(type='WindowTTFS')  # the threshold falls; no sorting, so that it is quick

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='TTFSNet',
        plan=(16, 'M', 32, 'M'),  # 34 x 34 pixels become 8 x 8
        in_channels=2,
        input_size=(34, 34),
        rule=rule,
    ),
    head=dict(type='TTFSHead', num_classes=10, in_channels=32 * 8 * 8, rule=rule,
              loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
)  # fmt: skip

# The first of the three saccades: what comes later moves another way.
first = [{{_base_.load}}, dict(type='FirstEvents', duration=100_000)]
train_pipeline = [*first, dict(type='RandomRoll', max_shift=3), dict(type='PackInputs')]
test_pipeline = [*first, dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

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
