"""Spiking transformers for dense prediction on OpenMMLab.

``import mmsfa`` checks the installed stack and registers neurons, quantised layers, backbones,
networks of spike times and classification heads in mmpretrain, hooks and auxiliary losses in
mmengine; nothing of mmengine is changed. It needs no mmdet and no mmseg: detection configs import
`mmsfa.det` on top, segmentation configs `mmsfa.seg`. Where mmcv has no compiled operators, those of
`mmsfa.ops` take their place, so import mmsfa before mmdet.

Classification (`mmsfa.cls`) is imported when mmpretrain's registry is first asked for a model:
with it come all models of mmpretrain, a second that a tool without a classifier need not spend.

Where neither torch nor mmengine is installed, or with ``MMSFA_RUNTIME_ONLY=1`` in the environment,
it registers nothing, and `mmsfa.runtime` alone can be imported.
"""

from typing import Any

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

    from mmpretrain.registry import MODELS

    from mmsfa import backbones, compression, engine, losses, neurons, spike_times

    if MODELS._imported:
        from mmsfa import cls
    else:  # mmengine imports these places when it is first asked for a model
        MODELS._locations.append('mmsfa.cls')

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


def __getattr__(name: str) -> Any:
    """The rooms that are imported on demand."""
    if name == 'cls':
        import mmsfa.cls

        return mmsfa.cls
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
