# RetinaNet on SNN-ViT 8-384, COCO boxes, 3x schedule with its usual steps. Its maps for dense tasks
# are ours.
_base_ = './retinanet_esf.py'

# A path or URL of a checkpoint of cls/snn_vit_8_384_4xb32_in1k.py.
pretrained = None

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SNNViT',
        channels=384,
        depth=8,
        mlp_ratio=10.5,
        T=4,
        out_indices=(1, 2, 3),
        with_cp=True,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.'),
    ),
    neck=dict(in_channels=[192, 384, 384]),
)
