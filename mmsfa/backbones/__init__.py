"""Backbones, registered in mmpretrain."""

from .arch import Arch
from .bestformer import BESTformer
from .e_spikeformer import ESpikeFormer
from .staged import StagedBackbone

__all__ = ['Arch', 'BESTformer', 'ESpikeFormer', 'StagedBackbone']
