# Q-SNN's VGG-SNN on CIFAR10-DVS, T = 10: 1-bit weights, first and last layer 8 bits, 4-bit
# membranes. For others: --cfg-options model.of.backbone.neuron_cfg.state_quant.bits=8
_base_ = [
    '../_base_/models/qsnn_resnet19.py',
    '../_base_/datasets/dvs_cifar10.py',
    '../_base_/schedules/cifar_bs64_sgd_300e.py',
    '../_base_/default_runtime_cls.py',
]

custom_imports = dict(
    imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.events', 'mmsfa.visualization.events']
)
T = {{_base_.T}}

model = dict(
    of=dict(
        backbone=dict(
            _delete_=True,
            type='SpikingVGG',
            in_channels=2,
            neuron_cfg={{_base_.neuron_cfg}},
            T=T,
            out_time='batch',
        ),
        neck=None,
        head=dict(T=T, in_channels=512 * 3 * 3),  # the last map of 48 x 48 pixels, as it is
    ),
)
visualizer = dict(type='EventVisualizer')
