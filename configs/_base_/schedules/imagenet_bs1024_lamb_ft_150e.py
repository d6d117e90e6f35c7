# The published fine-tuning: LAMB, 150 epochs, batch 1024 (8 x 128), layer-wise learning rates, EMA.
_base_ = './imagenet_bs2048_lamb_200e.py'

train_cfg = dict(max_epochs=150)

optim_wrapper = dict(
    optimizer=dict(lr=2.4e-3),  # 6e-4 for each 256 pictures of a batch
    constructor='LearningRateDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.75),
)

# Every layer ends at the same share of its own rate: 1e-6 of 2.4e-3.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=10, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=10, eta_min_ratio=1 / 2400, convert_to_iter_based=True),
]

# For `default_hooks`. Decay 0.99996, also of BN's statistics, after SyncNormStatsHook (NORMAL) has
# averaged those over the GPUs.
ema_hook = dict(type='EMAHook', momentum=4e-5, update_buffers=True, priority='BELOW_NORMAL')

auto_scale_lr = dict(base_batch_size=1024)
