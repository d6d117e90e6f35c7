# UperNet on E-SpikeFormer 10M.
_base_ = './upernet_esf.py'

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

model = dict(
    backbone=dict(arch='10m', init_cfg=dict(checkpoint=pretrained)),
    decode_head=dict(in_channels=[48, 96, 192, 240]),
    auxiliary_head=dict(in_channels=192),
)
