# The published recipe of BESTformer on CIFAR: AdamW, 400 + 10 epochs, batch 512 (4 x 128), fp16.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=410, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# The published settings say 5e-4, the published log warms up to 1.4e-3: the log counts.
optim_wrapper = dict(
    type='AmpOptimWrapper', optimizer=dict(type='AdamW', lr=1.4e-3, weight_decay=0.06)
)

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=20, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR', begin=20, end=400, eta_min=1e-5, convert_to_iter_based=True
    ),  # the last ten epochs stay at 1e-5
]

# For `default_hooks`: mixup ends after 200 epochs.
mixup_end = dict(type='SwitchRecipeHook', schedule=[dict(action_epoch=201, batch_augments=None)])

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=512)
