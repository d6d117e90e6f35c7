"""Spiking transformers for dense prediction on OpenMMLab.

``import mmsfa`` checks the installed stack and registers neurons, quantised layers, backbones,
networks of spike times and classification heads in mmpretrain, hooks and auxiliary losses in
mmengine; nothing of mmengine is changed. It needs no mmdet and no mmseg: detection configs import
`mmsfa.det` on top, segmentation configs `mmsfa.seg`. Where mmcv has no compiled operators, those of
`mmsfa.ops` take their place, so import mmsfa before mmdet.

Where neither torch nor mmengine is installed, or with ``MMSFA_RUNTIME_ONLY=1`` in the environment,
it registers nothing, and `mmsfa.runtime` alone can be imported.
"""

from mmsfa import bare, caches, compat
from mmsfa.version import __version__

if bare.is_bare():
    bare.refuse_the_rest()
else:
    caches.provide()  # must come before anything that imports mmdet
    compat.require()  # must come before anything that imports mmpretrain: it repairs torchvision

    from mmsfa import moved, ops

    moved.install()
    ops.install()  # must come before anything that imports mmdet

    from mmsfa import backbones, cls, compression, engine, losses, neurons, spike_times

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
