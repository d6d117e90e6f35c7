# The published detector, for its weights and for reproduction only: anchors and RoIs as if the last
# map had stride 32, where it has 16, so that three quarters of its anchors lie outside the image,
# and counts that the neck clips at 1 in evaluation.
_base_ = './mask_rcnn_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

strides = [4, 8, 16, 32, 64]

model = dict(
    backbone=dict(init_cfg=dict(checkpoint=pretrained)),
    neck=dict(legacy_eval_clip=True),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
