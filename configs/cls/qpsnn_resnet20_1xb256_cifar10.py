# ResNet-20 of QP-SNN on CIFAR-10 at 4 bit, to be pruned: docs/pruning.md. For 8 or 2 bit:
#   --cfg-options quantization.default.bits=8
_base_ = [
    '../_base_/models/qpsnn_resnet20.py',
    '../_base_/datasets/cifar10_bs256.py',
    '../_base_/schedules/qpsnn_300e.py',
    '../_base_/default_runtime_cls.py',
]
