# The small UperNet of the demos: BN instead of SyncBN, so that it trains on one CPU.
_base_ = './upernet_esf.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    data_preprocessor=dict(size=None, size_divisor=16),
    backbone=dict(arch='tiny', norm_cfg=norm_cfg),
    decode_head=dict(in_channels=[24, 48, 96, 128], channels=64, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=96, channels=64, norm_cfg=norm_cfg),
)
