# The network of qtsnn_eeg_eye.py with float weights and membranes, on the same spikes.
_base_ = [
    '../_base_/models/qtsnn.py',
    '../_base_/datasets/eeg_eye_state.py',
    '../_base_/schedules/signal_cpu.py',
    '../_base_/default_runtime_cls.py',
]
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.signals'])

model = dict(
    backbone=dict(in_channels=14, channels=(32, 48, 64), strides=2),
    head=dict(num_classes=2, in_channels=64 * 8),
)
train_cfg = dict(max_epochs=15)
_base_.param_scheduler[1].end = 15
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=15, max_keep_ckpts=1))
auto_scale_lr = dict(enable=False, base_batch_size=40)
randomness = dict(seed=0)
