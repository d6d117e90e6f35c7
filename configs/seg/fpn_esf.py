# Semantic FPN, the published decoder: E-SpikeFormer 19M, maps at strides 2, 4, 8 and 16.
# As published it has layer scales and a neuron in front of conv_seg; pre-trained weights without
# layer scales load as if they were 1. Published with plain BN and 16 pictures on one GPU; here
# SyncBN and 2 on each of 8.
_base_ = './upernet_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

norm_cfg = dict(type='SyncBN', requires_grad=True)
neuron_cfg = dict(type='mmpretrain.SFA', D=4)

model = dict(
    backbone=dict(
        out_indices=(0, 1, 2, 4), layer_scale_init=1e-6, init_cfg=dict(checkpoint=pretrained)
    ),
    neck=dict(
        type='SpikeFPN',
        in_channels=[32, 64, 128, 360],
        out_channels=128,
        num_outs=4,
        norm_cfg=norm_cfg,
        neuron_cfg=neuron_cfg,
    ),
    decode_head=dict(
        _delete_=True,
        type='SpikeFPNHead',
        in_channels=[128, 128, 128, 128],
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=128,
        dropout_ratio=0,
        num_classes=150,
        norm_cfg=norm_cfg,
        align_corners=False,
        neuron_cfg=neuron_cfg,
        analog=(),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    auxiliary_head=None,
)
