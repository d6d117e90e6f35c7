_base_ = './esf_19m_8xb256_in1k.py'

model = dict(backbone=dict(arch='10m'), head=dict(in_channels=240))
