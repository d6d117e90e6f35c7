# 1 x 8: twice the levels. The results are published, the recipe is not: that of 1 x 4 is taken.
_base_ = './esf_83m_8xb196-distill_in1k.py'

model = dict(backbone=dict(neuron_cfg=dict(D=8)), head=dict(neuron_cfg=dict(D=8)))
