"""What comes with the package: configs, tools and the demo, found from any folder.

A clone holds them beside the package, a wheel inside of it, in ``mmsfa/.mim``, where mmengine and
mim look for those of every OpenMMLab package. This file imports neither torch nor mmengine when it
is loaded: the command ``mmsfa`` reads it by its path.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

PREFIX = 'mmsfa::'


def shipped_dir() -> Path:
    """The folder that holds ``configs/``, ``tools/`` and ``demo/``: the clone, or ``.mim``."""
    package = Path(__file__).resolve().parent
    is_clone = (package.parent / 'model-index.yml').is_file()
    return package.parent if is_clone else package / '.mim'


def shipped_configs(bases: bool = False) -> list[str]:
    """Names of all shipped configs, such as ``configs/det/mask_rcnn_esf.py``.

    Args:
        bases: Whether those of ``configs/_base_`` are listed, too; they are no whole configs.
    """
    root = shipped_dir()
    names = sorted(path.relative_to(root).as_posix() for path in root.glob('configs/**/*.py'))
    return [name for name in names if bases or not name.startswith('configs/_base_/')]


def find_config(name: str | Path) -> Path:
    """The file of a config: one of the user's, else one that mmsfa ships.

    Args:
        name: A path, or the name of a shipped config: ``configs/det/mask_rcnn_esf.py``,
            ``det/mask_rcnn_esf.py`` or ``mmsfa::det/mask_rcnn_esf.py``. What lies in the file
            system comes first, unless the name begins with ``mmsfa::``.

    Returns:
        The path as it was given, if there is such a file, else that of the shipped config.

    Raises:
        FileNotFoundError: There is neither; the message names the shipped configs that are near.
    """
    asked = str(name)
    if not asked.startswith(PREFIX) and Path(asked).is_file():
        return Path(asked)
    inner = Path(asked.removeprefix(PREFIX)).as_posix().removeprefix('configs/')
    shipped = shipped_dir() / 'configs' / inner
    if shipped.is_file():
        return shipped
    near = ', '.join(_nearest(f'configs/{inner}'))
    help_ = f'Near it are {near}' if near else 'The command `mmsfa configs` lists the shipped ones'
    raise FileNotFoundError(f'The config {asked} does not exist or is not a file. {help_}.')


def _nearest(name: str) -> list[str]:
    """Up to three shipped configs: what lies in such a folder, or is spelt much the same."""
    names = shipped_configs(bases='_base_' in name)
    inside = [found for found in names if found.startswith(name.rstrip('/') + '/')]
    by_file = {Path(found).name: found for found in reversed(names)}
    close = get_close_matches(name, names, cutoff=0.75)
    close += [by_file[file] for file in get_close_matches(Path(name).name, by_file, cutoff=0.75)]
    return list(dict.fromkeys(inside + close))[:3]


def register() -> None:
    """Let ``_base_ = 'mmsfa::det/mask_rcnn_esf.py'`` be found; may be called again.

    `mmsfa.safe_loading` calls it, ``import mmsfa`` does not: it changes mmengine. Then
    `mmengine.hub.get_config` knows the shipped configs, too.

    mmengine keeps a table of the packages whose configs may be inherited, and a new package cannot
    enter it by other means. An entry alone is not enough: mmengine would look for the types of the
    base in a scope ``mmsfa``, whereas these configs name mmdet's, mmseg's or mmpretrain's. All
    other names go to mmengine as before.

    The table knows packages by upstream's names alone. Where those of OneDL are installed, such as
    ``onedl-mmsegmentation``, ``_base_ = 'mmseg::...'`` failed with the advice to install upstream's
    beside it, and `get_config` did so: an import name in the table is found in both.
    """
    from mmengine.config import Config
    from mmengine.config.utils import MODULE2PACKAGE
    from mmengine.utils import is_installed

    for module in ('mmdet', 'mmseg', 'mmpretrain'):
        if not is_installed(MODULE2PACKAGE[module]) and is_installed(module):
            MODULE2PACKAGE[module] = module
    MODULE2PACKAGE.setdefault('mmsfa', 'mmsfa')  # for `mmengine.hub.get_config`
    others = Config._get_cfg_path
    if others.__module__ == __name__:  # ours is there already
        return

    def path_and_scope(cfg_path: str, filename: str) -> tuple[str, Any]:
        if cfg_path.startswith(PREFIX):
            return str(find_config(cfg_path)), None
        return others(cfg_path, filename)

    Config._get_cfg_path = staticmethod(path_and_scope)
