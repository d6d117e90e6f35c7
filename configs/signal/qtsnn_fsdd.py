# Spoken digits: TAE and QT-SNN with weights and membranes of 4 bits, trained on a CPU.
_base_ = './qtsnn_fsdd_float.py'

quantization = dict(default=4, stem=4, readout=8)
model = dict(backbone=dict(neuron_cfg=dict(state_quant=dict(type='UniformState', bits=4))))
