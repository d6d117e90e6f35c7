"""Backbones, registered in mmpretrain."""

from .arch import Arch
from .e_spikeformer import ESpikeFormer

__all__ = ['Arch', 'ESpikeFormer']
