# E-SpikeFormer 173M learns from CAFormer-B36 on ImageNet-1k, 1 x 4: the published recipe.
_base_ = './esf_83m_8xb196-distill_in1k.py'

model = dict(backbone=dict(arch='173m'), head=dict(in_channels=768))
