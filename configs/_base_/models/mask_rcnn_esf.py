# Mask R-CNN on E-SpikeFormer 19M, spike-driven up to the read-outs of its heads.
_base_ = './mask_rcnn_esf_ordinary_heads.py'

# The published heads count spikes (0..4) and leave them undivided.
head_neuron = dict(type='mmpretrain.SFA', D=4, norm=1)

model = dict(
    neck=dict(type='SpikeFPN', neuron_cfg=head_neuron),
    rpn_head=dict(type='SpikeRPNHead', neuron_cfg=head_neuron),
    roi_head=dict(
        bbox_head=dict(type='SpikeShared2FCBBoxHead', neuron_cfg=head_neuron),
        mask_head=dict(type='SpikeFCNMaskHead', neuron_cfg=head_neuron),
    ),
)
