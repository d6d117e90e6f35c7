# SNN-ViT 8-384. Its MLPs are 10.5 times as wide, so that the number of parameters comes near the
# published one: channels of the stem, projection and expansion are not published.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='SNNViT', channels=384, depth=8, stem='imagenet', mlp_ratio=10.5, T=4, out_indices=(2,)
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='SpikeLinearClsHead',
        num_classes=1000,
        in_channels=384,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)
