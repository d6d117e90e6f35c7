# Q-SNN's ResNet-19 on CIFAR-10, 1w4u: 1-bit weights, 4-bit membranes. For 1w8u or 1w2u:
#   --cfg-options model.of.backbone.neuron_cfg.state_quant.bits=8
_base_ = [
    '../_base_/models/qsnn_resnet19.py',
    '../_base_/datasets/cifar10_bs64.py',
    '../_base_/schedules/cifar_bs64_sgd_300e.py',
    '../_base_/default_runtime_cls.py',
]
