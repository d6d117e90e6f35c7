# As large as the published small detector: E-SpikeFormer 10M, 192 channels in neck and heads.
_base_ = './mask_rcnn_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

model = dict(
    backbone=dict(arch='10m', init_cfg=dict(checkpoint=pretrained)),
    neck=dict(in_channels=[48, 96, 192, 240], out_channels=192),
    rpn_head=dict(in_channels=192, feat_channels=192),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=192),
        mask_roi_extractor=dict(out_channels=192),
        bbox_head=dict(in_channels=192, fc_out_channels=768),
        mask_head=dict(in_channels=192, conv_out_channels=192),
    ),
)
