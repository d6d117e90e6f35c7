# The recipe of 83M on the base family, whose tokens are those of the last stage. Not published.
_base_ = './spike-mae_esf_83m_8xb256-amp-coslr-200e_in1k.py'

model = dict(backbone=dict(arch='19m', out_indices=(4,)), neck=dict(embed_dim=360))
