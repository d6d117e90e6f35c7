# 173M with the first width 192, as published. Fine-tune it as arch='173m_w192', too.
_base_ = './spike-mae_esf_173m_8xb256-amp-coslr-200e_in1k.py'

model = dict(backbone=dict(arch='173m_w192'))
