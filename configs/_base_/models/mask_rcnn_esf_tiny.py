# The small Mask R-CNN of the demos: E-SpikeFormer tiny, 64 channels, BN in neck and heads.
_base_ = './mask_rcnn_esf.py'

norm_cfg = dict(type='BN', requires_grad=True)
channels = 64

model = dict(
    data_preprocessor=dict(pad_size_divisor=16),
    backbone=dict(arch='tiny'),
    neck=dict(in_channels=[24, 48, 96, 128], out_channels=channels, num_outs=4, norm_cfg=norm_cfg),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        # anchors of 16, 32, 64 and 96 pixels
        anchor_generator=dict(strides=[4, 8, 16, 16], base_sizes=[2, 4, 8, 12]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        mask_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(in_channels=channels, fc_out_channels=256, fc_norm_cfg=dict(type='BN1d')),
        mask_head=dict(
            in_channels=channels, conv_out_channels=channels, num_convs=2, norm_cfg=norm_cfg
        ),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=1000, max_per_img=300),
        rcnn=dict(sampler=dict(num=64, pos_fraction=0.5)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=1000, max_per_img=300)),
)
