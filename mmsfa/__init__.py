"""Spiking transformers for dense prediction on OpenMMLab.

``import mmsfa`` checks the installed stack and registers neurons, backbones and the classification
head in mmpretrain and the hooks in mmengine. It needs no mmdet, no mmseg and no compiled mmcv
operators: detection configs import `mmsfa.det` on top, segmentation configs `mmsfa.seg`.
"""

from mmsfa import compat
from mmsfa.version import __version__

compat.require()  # must come before anything that imports mmpretrain: it repairs torchvision

from mmsfa import backbones, cls, engine, neurons  # noqa: E402

__all__ = ['__version__', 'backbones', 'cls', 'compat', 'engine', 'neurons']
