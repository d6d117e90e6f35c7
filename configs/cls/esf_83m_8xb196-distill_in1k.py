# E-SpikeFormer 83M learns from CAFormer-B36 on ImageNet-1k, 1 x 4: the published recipe.
_base_ = [
    '../_base_/models/esf_large_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_bs1568_lamb_distill_100e.py',
    '../_base_/default_runtime_cls.py',
]

# The published one starts from the fine-tuned model: a checkpoint of esf_83m_8xb128-ft_in1k.py. Its
# head becomes the head of the labels.
load_from = None

model = dict(
    type='DistilledImageClassifier',
    head=dict(type='SpikeDistilledLinearClsHead'),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5), dict(type='CutMix', alpha=1.0)]),
    teacher=dict(
        type='TimmClassifier', model_name='caformer_b36.sail_in22k_ft_in1k', pretrained=True
    ),
    kd_type='hard',
    kd_alpha=0.5,
)
train_dataloader = dict(batch_size=196)
