# Mask R-CNN on E-SpikeFormer 19M with mmdet's ordinary neck and heads.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

# The true strides: the last stage stays at 16. `..._legacy_strides.py` has the published claim.
strides = [4, 8, 16, 16, 32]
# The published anchors: 8 times these, 32 to 512 pixels.
anchor_sizes = [4, 8, 16, 32, 64]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ESpikeFormer',
        arch='19m',
        out_indices=(1, 2, 3, 4),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
        init_cfg=dict(type='Pretrained', checkpoint=None, prefix='backbone.'),
    ),
    neck=dict(in_channels=[64, 128, 256, 360]),
    rpn_head=dict(anchor_generator=dict(strides=strides, base_sizes=anchor_sizes)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
