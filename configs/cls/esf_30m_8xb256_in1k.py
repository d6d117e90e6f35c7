# This size has no published classifier; the recipe is that of the others.
_base_ = './esf_19m_8xb256_in1k.py'

model = dict(backbone=dict(arch='30m'), head=dict(in_channels=440))
