# Speech Commands, 35 words: TAE and QT-SNN at 4 bits. Not trained yet; sizes and recipe are ours.
_base_ = [
    '../_base_/models/qtsnn.py',
    '../_base_/datasets/speech_commands.py',
    '../_base_/schedules/signal_cpu.py',
    '../_base_/default_runtime_cls.py',
]
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.signals'])

quantization = dict(default=4, stem=4, readout=8)
model = dict(
    backbone=dict(
        channels=(96, 128, 192),
        neuron_cfg=dict(state_quant=dict(type='UniformState', bits=4)),
    ),
    head=dict(num_classes=35, in_channels=192 * 12),
)
auto_scale_lr = dict(enable=False, base_batch_size=128)
