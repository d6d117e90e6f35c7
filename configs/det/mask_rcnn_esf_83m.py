# Mask R-CNN on E-SpikeFormer 83M: a true stride of 32 in the last map, batch 32, 1x schedule.
_base_ = './mask_rcnn_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

strides = [4, 8, 16, 32, 64]

model = dict(
    backbone=dict(
        arch='83m',
        # the neuron that the large models were trained with
        neuron_cfg=dict(rounding='half_up', grad_range='open'),
        layer_scale_init=1e-6,
        drop_path_rate=0.1,
        init_cfg=dict(checkpoint=pretrained),
    ),
    neck=dict(in_channels=[128, 256, 512, 512]),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
