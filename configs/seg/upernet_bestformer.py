# UperNet on BESTformer 8-512, ADE20K 512 x 512, 160k iterations. Its maps for dense tasks are ours.
_base_ = [
    '../_base_/models/upernet_esf.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade_160k.py',
    '../_base_/default_runtime_seg.py',
]

# A path or URL of a checkpoint of cls/bestformer_8_512_8xb24_in1k.py.
pretrained = None

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.BESTformer',
        channels=512,
        depth=8,
        num_heads=8,
        map='kv',  # linear in the number of tokens
        T=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=_base_.norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    decode_head=dict(in_channels=[256, 512, 512, 512]),
    auxiliary_head=dict(in_channels=512),
)
