# SNN-ViT on CIFAR10-DVS, T = 16: 1.55M parameters (published: 1.52M). Its size and recipe are not
# published: all but T is ours.
_base_ = [
    '../_base_/models/snn_vit_cls.py',
    '../_base_/datasets/dvs_cifar10.py',
    '../_base_/schedules/cifar_bs512_adamw_410e.py',
    '../_base_/default_runtime_cls.py',
]

custom_imports = dict(
    imports=['mmsfa', 'mmsfa.safe_loading', 'mmsfa.datasets.events', 'mmsfa.visualization.events']
)
T = 16
_base_.train_dataloader.dataset.pipeline[1].T = T
_base_.val_dataloader.dataset.pipeline[1].T = T
_base_.test_dataloader.dataset.pipeline[1].T = T

model = dict(
    # 48 x 48 pixels become 12 x 12 tokens
    backbone=dict(
        channels=192, depth=2, stem='cifar', mlp_ratio=6, in_channels=2, T=T, out_indices=(0,)
    ),
    head=dict(num_classes=10, in_channels=192),
)

train_dataloader = dict(batch_size=16)
train_cfg = dict(max_epochs=200)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
_base_.param_scheduler[1].end = 200
auto_scale_lr = dict(base_batch_size=64)
visualizer = dict(type='EventVisualizer')
