# QP-SNN's recipe before pruning: SGD, 300 epochs, batch 256, weight decay on convolutions alone.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-5),
    paramwise_cfg=dict(
        norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={'head.fc': dict(decay_mult=0.0)}
    ),
)

param_scheduler = dict(type='CosineAnnealingLR', end=300, eta_min=0)

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=256)
