"""Spiking transformers for dense prediction on OpenMMLab.

``import mmsfa`` checks the installed stack and registers neurons, quantised layers, backbones,
networks of spike times and classification heads in mmpretrain, hooks and auxiliary losses in
mmengine; nothing of mmengine is changed. It needs no mmdet and no mmseg: detection configs import
`mmsfa.det` on top, segmentation configs `mmsfa.seg`. Where mmcv has no compiled operators, those of
`mmsfa.ops` take their place, so import mmsfa before mmdet.
"""

from mmsfa import caches, compat
from mmsfa.version import __version__

caches.provide()  # must come before anything that imports mmdet
compat.require()  # must come before anything that imports mmpretrain: it repairs torchvision

from mmsfa import moved, ops  # noqa: E402

moved.install()
ops.install()  # must come before anything that imports mmdet

from mmsfa import backbones, cls, compression, engine, losses, neurons, spike_times  # noqa: E402

__all__ = [
    '__version__',
    'backbones',
    'cls',
    'compat',
    'compression',
    'engine',
    'losses',
    'neurons',
    'ops',
    'spike_times',
]
