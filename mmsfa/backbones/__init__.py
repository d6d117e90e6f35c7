"""Backbones, registered in mmpretrain."""

from .arch import Arch
from .bestformer import BESTformer
from .e_spikeformer import ESpikeFormer
from .spiking_resnet import SpikingResNet
from .spiking_vgg import SpikingVGG
from .staged import StagedBackbone

__all__ = [
    'Arch',
    'BESTformer',
    'ESpikeFormer',
    'SpikingResNet',
    'SpikingVGG',
    'StagedBackbone',
]
