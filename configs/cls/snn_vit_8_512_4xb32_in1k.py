# SNN-ViT 8-512, ImageNet-1k, T = 4: 54.1M parameters (published: 53.7M).
_base_ = './snn_vit_8_384_4xb32_in1k.py'

model = dict(backbone=dict(channels=512), head=dict(in_channels=512))
