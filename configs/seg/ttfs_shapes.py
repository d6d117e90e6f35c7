# A small segmentor of spike times on the embedded Shapes data set.
_base_ = [
    '../_base_/datasets/shapes_semantic.py',
    '../_base_/schedules/cpu_600.py',
    '../_base_/default_runtime_seg.py',
]

rule = dict(type='mmpretrain.WindowTTFS')

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[0, 0, 0],
        std=[255, 255, 255],  # strengths in [0, 1]: the brightest pixel fires first
        bgr_to_rgb=True,
        size=None,
        size_divisor=4,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmpretrain.TTFSNet', plan=(32, 'M', 64, 'M', 64, 64), in_channels=3, rule=rule
    ),
    decode_head=dict(
        type='TTFSSegHead',
        in_channels=64,
        in_index=0,
        num_classes=6,
        align_corners=False,
        rule=rule,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# At 2e-3 half of the channels fall silent for good, which costs 9 points of mIoU.
optim_wrapper = dict(optimizer=dict(lr=5e-4))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=200, max_keep_ckpts=2))
randomness = dict(seed=0)
