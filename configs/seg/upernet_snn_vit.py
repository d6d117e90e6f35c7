# UperNet on SNN-ViT 8-512, ADE20K 512 x 512, 160k iterations. Its maps for dense tasks are ours.
_base_ = [
    '../_base_/models/upernet_esf.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade_160k.py',
    '../_base_/default_runtime_seg.py',
]

# A path or URL of a checkpoint of cls/snn_vit_8_512_4xb32_in1k.py.
pretrained = None

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SNNViT',
        channels=512,
        depth=8,
        mlp_ratio=10.5,
        T=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=_base_.norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    decode_head=dict(in_channels=[128, 256, 512, 512]),
    auxiliary_head=dict(in_channels=512),
)
