# EEG of 106 people, eyes open or closed: TAE and QT-SNN at 4 bits. Not trained yet; all but the
# layout of the data is ours.
_base_ = [
    '../_base_/models/qtsnn.py',
    '../_base_/datasets/eegmmidb.py',
    '../_base_/schedules/signal_cpu.py',
    '../_base_/default_runtime_cls.py',
]
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.signals'])

quantization = dict(default=4, stem=4, readout=8)
model = dict(
    backbone=dict(
        in_channels=64,
        strides=(2, 4, 4),
        neuron_cfg=dict(state_quant=dict(type='UniformState', bits=4)),
    ),
    head=dict(num_classes=2, in_channels=128 * 20),
)
auto_scale_lr = dict(enable=False, base_batch_size=20)
