# The published recipe from scratch: LAMB, 200 epochs, batch 2048 (8 x 256), fp16.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=200, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# 6e-4 for each 256 pictures of a batch; norms, biases and layer scales do not decay.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(type='Lamb', lr=4.8e-3, weight_decay=0.05, trust_clip=True),
    paramwise_cfg=dict(flat_decay_mult=0.0),
)

# Both by iteration; the cosine ends with the training.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, eta_min=1e-6, convert_to_iter_based=True),
]

# `--auto-scale-lr` scales the learning rate from this batch size to the real one.
auto_scale_lr = dict(enable=False, base_batch_size=2048)
