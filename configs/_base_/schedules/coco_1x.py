# The published recipe: 12 epochs, batch 32 (8 x 4), float32, no gradient clipping.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=12, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type='MultiStepLR', begin=0, end=12, by_epoch=True, milestones=[8, 11], gamma=0.1),
]

# It also exempts parameters named `norm` from weight decay, but its models have none of that
# name, so every parameter decays. That effect is what is kept here.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.05),
)

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=32)
