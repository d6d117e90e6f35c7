# BESTformer 4-384 with the head of its two streams.
model = dict(
    type='DistilledImageClassifier',
    backbone=dict(
        type='BESTformer',
        channels=384,
        depth=4,
        num_heads=8,
        map='qk',
        T=4,
        out_indices=(0,),
        out_streams='both',
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='TwoStreamLinearClsHead',
        num_classes=10,
        in_channels=2 * 384,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
    # The published teacher is a ViT-B/16 that was fine-tuned on the same classes; any classifier
    # will do: its config file (or model) and its checkpoint. None learns from the labels alone.
    teacher=None,
    teacher_ckpt=None,
    kd_type='hard',
    kd_alpha=0.5,
)
