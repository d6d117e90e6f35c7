# E-SpikeFormer 173M on ImageNet-1k after masked pre-training, 1 x 4: the published fine-tuning.
_base_ = './esf_83m_8xb128-ft_in1k.py'

# A checkpoint of the pre-training (configs/mim) or a converted published one.
pretrained = None

model = dict(
    backbone=dict(arch='173m', init_cfg=dict(checkpoint=pretrained)), head=dict(in_channels=768)
)
