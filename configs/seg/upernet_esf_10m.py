# UperNet on E-SpikeFormer 10M.
_base_ = './upernet_esf.py'

model = dict(
    backbone=dict(arch='10m'),
    decode_head=dict(in_channels=[48, 96, 192, 240]),
    auxiliary_head=dict(in_channels=192),
)
