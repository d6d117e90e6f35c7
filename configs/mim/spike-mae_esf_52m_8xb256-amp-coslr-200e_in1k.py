_base_ = './spike-mae_esf_19m_8xb256-amp-coslr-200e_in1k.py'

model = dict(backbone=dict(arch='52m'), neck=dict(embed_dim=560))
