# As 83M, for 173M with the width 196 that is fine-tuned.
_base_ = './spike-mae_esf_83m_8xb256-amp-coslr-200e_in1k.py'

model = dict(backbone=dict(arch='173m'), neck=dict(embed_dim=768))
