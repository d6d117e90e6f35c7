"""Its import installs all that mmsfa changes in mmengine; ``import mmsfa`` alone changes nothing.

The shipped configs name it in ``custom_imports``, and the tools import it.

======================================  ========================================================
What is changed                         Why
======================================  ========================================================
Loading of checkpoints, Inferencers:    Checkpoints are read as data, their code is never run
`mmsfa.checkpoint.loading.patches`
Bases of configs:                       ``_base_ = 'mmsfa::det/mask_rcnn_esf.py'`` is found
`mmsfa.shipped.register`
======================================  ========================================================
"""

from mmsfa.checkpoint.loading import install
from mmsfa.shipped import register

install()
register()
