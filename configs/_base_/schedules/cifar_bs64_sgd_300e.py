# Q-SNN's recipe: SGD, 300 epochs, batch 64 on one device.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)

param_scheduler = dict(type='CosineAnnealingLR', end=300, eta_min=0)

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=64)
