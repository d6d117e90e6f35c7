"""What pyproject.toml cannot say: configs, tools and demo become ``mmsfa/.mim``, as in mmdet.

mmengine (``_base_ = 'mmsfa::...'``, ``get_config``), mim and the command ``mmsfa`` look for them
there. A wheel gets copies, an editable installation links into the clone.
"""

from pathlib import Path
from shutil import copy2, copytree, ignore_patterns, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ('configs', 'tools', 'demo', 'model-index.yml')


class BuildWithMim(build_py):
    """Builds the package and puts ``.mim`` into it."""

    def run(self) -> None:
        """Build, then copy or link."""
        super().run()
        mim = Path(ROOT if self.editable_mode else self.build_lib, 'mmsfa', '.mim')
        if mim.exists():  # of an earlier build, whose files may be gone
            rmtree(mim)  # it removes links, not what they lead to
        mim.mkdir(parents=True)
        for name in SHIPPED:
            if self.editable_mode:
                _link(mim / name)
            elif (ROOT / name).is_dir():
                copytree(ROOT / name, mim / name, ignore=ignore_patterns('__pycache__'))
            else:
                copy2(ROOT / name, mim / name)

    def get_source_files(self) -> list[str]:
        """Also what is shipped: a source distribution holds it."""
        return [*super().get_source_files(), *(str(p.relative_to(ROOT)) for p in _sources())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Also what is shipped."""
        mim = Path(self.build_lib, 'mmsfa', '.mim')
        inside = [] if self.editable_mode else [str(mim / p.relative_to(ROOT)) for p in _sources()]
        return [*super().get_outputs(include_bytecode), *inside]


def _sources() -> list[Path]:
    paths = [path for name in SHIPPED for path in (ROOT / name, *(ROOT / name).rglob('*'))]
    return [path for path in paths if path.is_file() and '__pycache__' not in path.parts]


def _link(place: Path) -> None:
    """Link to the clone; where links are not allowed, mmsfa's own tools do without."""
    try:
        place.symlink_to(Path('..', '..', place.name), (ROOT / place.name).is_dir())
    except OSError as error:
        print(f'mmsfa: no link {place} ({error}); get_config of mmengine will not find it')


setup(cmdclass={'build_py': BuildWithMim})
