# The network of qtsnn_fsdd.py with float weights and membranes, on the same spikes.
_base_ = [
    '../_base_/models/qtsnn.py',
    '../_base_/datasets/fsdd.py',
    '../_base_/schedules/signal_cpu.py',
    '../_base_/default_runtime_cls.py',
]
custom_imports = dict(imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.signals'])

default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10, max_keep_ckpts=1))
auto_scale_lr = dict(enable=False, base_batch_size=40)
randomness = dict(seed=0)
