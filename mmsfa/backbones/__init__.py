"""Backbones, registered in mmpretrain."""

from .arch import Arch
from .bestformer import BESTformer
from .e_spikeformer import ESpikeFormer
from .qtsnn import QTSNN
from .snn_vit import SNNViT
from .spiking_resnet import SpikingResNet
from .spiking_vgg import SpikingVGG
from .staged import StagedBackbone

__all__ = [
    'QTSNN',
    'Arch',
    'BESTformer',
    'ESpikeFormer',
    'SNNViT',
    'SpikingResNet',
    'SpikingVGG',
    'StagedBackbone',
]
