# UperNet, E-SpikeFormer 19M, ADE20K 512 x 512, 160k iterations.
_base_ = [
    '../_base_/models/upernet_esf.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade_160k.py',
    '../_base_/default_runtime_seg.py',
]

# A path or URL of a converted ImageNet checkpoint (tools/model_converters/sdt_v3_to_mmsfa.py).
pretrained = None

model = dict(backbone=dict(init_cfg=dict(checkpoint=pretrained)))
