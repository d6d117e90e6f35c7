# The published masked autoencoder: half of the patches hidden, targets normalised in each patch.
model = dict(
    type='SpikeMAE',
    mask_ratio=0.5,
    backbone=dict(type='ESpikeFormer', arch='83m', out_indices=(3,)),
    neck=dict(
        type='SpikeMAEDecoder',
        embed_dim=512,
        num_patches=196,
        decoder_embed_dim=256,
        decoder_depth=4,
        decoder_num_heads=4,
    ),
    head=dict(
        type='MAEPretrainHead',
        norm_pix=True,
        patch_size=16,
        loss=dict(type='PixelReconstructionLoss', criterion='L2'),
    ),
    # reaches the decoder only: the backbone keeps PyTorch's own initialisation
    init_cfg=[
        dict(type='Xavier', layer='Linear', distribution='uniform'),
        dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
    ],
)
