# UperNet on E-SpikeFormer 19M, spike-driven up to the read-outs (conv_seg) of its heads.
norm_cfg = dict(type='SyncBN', requires_grad=True)
neuron_cfg = dict(type='mmpretrain.SFA', D=4)

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(512, 512),
    ),
    backbone=dict(
        type='mmpretrain.ESpikeFormer',
        arch='19m',
        out_indices=(1, 2, 3, 4),
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint=None, prefix='backbone.'),
    ),
    decode_head=dict(
        type='SpikeUPerHead',
        in_channels=[64, 128, 256, 360],
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=256,
        dropout_ratio=0,  # before a neuron (analog=()) it would fire less in evaluation
        num_classes=150,
        norm_cfg=norm_cfg,
        align_corners=False,
        neuron_cfg=neuron_cfg,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    auxiliary_head=dict(
        type='SpikeFCNHead',
        in_channels=256,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0,
        num_classes=150,
        norm_cfg=norm_cfg,
        align_corners=False,
        neuron_cfg=neuron_cfg,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=0.4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
