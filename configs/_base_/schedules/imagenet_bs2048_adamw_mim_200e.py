# The published masked pre-training: AdamW, 200 epochs, batch 2048 (8 x 256), fp16.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=200)

# Everything decays, also norms and biases; the large eps belongs to fp16.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(
        type='AdamW',
        lr=1.2e-3,  # 1.5e-4 for each 256 pictures of a batch
        betas=(0.9, 0.95),
        eps=1e-4,
        weight_decay=0.05,
    ),
)

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=True, end=20, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=20,
        end=200,
        eta_min=5e-6,
        convert_to_iter_based=True,
    ),
]

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=2048)
