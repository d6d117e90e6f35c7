"""Backbones, registered in mmpretrain."""

from .arch import Arch
from .e_spikeformer import ESpikeFormer
from .spiking_resnet import SpikingResNet
from .spiking_vgg import SpikingVGG

__all__ = ['Arch', 'ESpikeFormer', 'SpikingResNet', 'SpikingVGG']
