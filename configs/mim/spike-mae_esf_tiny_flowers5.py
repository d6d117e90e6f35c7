# Masked pre-training of tiny on the 400 training pictures of flowers5, on a CPU.
_base_ = [
    '../_base_/models/spike_mae_esf.py',
    '../_base_/datasets/flowers5_mim.py',
    '../_base_/default_runtime_mim.py',
]

model = dict(
    backbone=dict(arch='tiny', out_indices=(4,)),
    neck=dict(embed_dim=128, num_patches=36, decoder_embed_dim=128, decoder_depth=2),
)

max_epochs = 60
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, end=5, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=5,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=2))
auto_scale_lr = dict(enable=False, base_batch_size=16)
randomness = dict(seed=0)
