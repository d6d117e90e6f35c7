# A small spiking UperNet on the embedded Shapes data set.
_base_ = [
    '../_base_/models/upernet_esf_tiny.py',
    '../_base_/datasets/shapes_semantic.py',
    '../_base_/schedules/cpu_600.py',
    '../_base_/default_runtime_seg.py',
]

model = dict(decode_head=dict(num_classes=6), auxiliary_head=dict(num_classes=6))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=200, max_keep_ckpts=2))
randomness = dict(seed=0)
