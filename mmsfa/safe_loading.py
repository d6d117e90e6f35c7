"""Its import protects the process: mmengine loads checkpoints as data and never runs their code.

The shipped configs name it in ``custom_imports``, and the tools import it. ``import mmsfa`` alone
leaves its loaders as they are, for those who only want a backbone. What it changes:
`mmsfa.checkpoint.loading.patches`.
"""

from mmsfa.checkpoint.loading import install

install()
