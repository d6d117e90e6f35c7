# A small Mask R-CNN on SNN-ViT, T x D = 2 x 4, on cell nuclei, trained from scratch on a CPU.
_base_ = './mask_rcnn_esf_nuclei.py'

strides = [4, 8, 16, 32]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SNNViT',
        channels=192,
        depth=2,
        T=2,
        out_indices=(0, 1, 2, 3),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    neck=dict(in_channels=[48, 96, 192, 192]),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides),
        mask_roi_extractor=dict(featmap_strides=strides),
    ),
)
