# Mask R-CNN on E-SpikeFormer 19M, every convolution and linear layer spike-driven.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

# The published heads count spikes (0..4) and leave them undivided.
head_neuron = dict(type='mmpretrain.SFA', D=4, norm=1)
# The true strides: the last stage stays at 16. `..._legacy_strides.py` has the published claim.
strides = [4, 8, 16, 16, 32]
anchor_sizes = [4, 8, 16, 32, 64]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ESpikeFormer',
        arch='19m',
        out_indices=(1, 2, 3, 4),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
    ),
    neck=dict(type='SpikeFPN', in_channels=[64, 128, 256, 360], neuron_cfg=head_neuron),
    rpn_head=dict(
        type='SpikeRPNHead',
        neuron_cfg=head_neuron,
        anchor_generator=dict(strides=strides, base_sizes=anchor_sizes),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=dict(type='SpikeShared2FCBBoxHead', neuron_cfg=head_neuron),
        mask_head=dict(type='SpikeFCNMaskHead', neuron_cfg=head_neuron),
    ),
)
