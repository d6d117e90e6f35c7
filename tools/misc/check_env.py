"""Prints the installed stack; exits with 1 when something does not fit, and says how to mend it.

It reads `mmsfa/compat` by its path: `import mmsfa` itself refuses a wrong stack.
"""

import argparse
import platform
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType


def package_dir() -> Path:
    """The folder of the package: beside the tools of a clone, around those of a wheel."""
    root = Path(__file__).resolve().parents[2]
    return root.parent if root.name == '.mim' else root / 'mmsfa'


def load_compat() -> ModuleType:
    """The package `mmsfa.compat`, without the checks that importing mmsfa makes."""
    folder = package_dir() / 'compat'
    loader = SourceFileLoader('mmsfa_compat', str(folder / '__init__.py'))
    module = sys.modules[loader.name] = ModuleType(loader.name)
    module.__path__, module.__package__ = [str(folder)], loader.name  # it imports its own parts
    loader.exec_module(module)
    return module


def gpu_names() -> str:
    """The visible GPUs, or why there are none."""
    try:
        import torch
    except Exception as error:  # a torch whose libraries do not load raises any kind
        return f'unknown: torch does not import ({error})'
    if not torch.cuda.is_available():
        return 'none' if torch.version.cuda else 'none (torch was built for CPU only)'
    return ', '.join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def operators() -> str:
    """Whose NMS and RoIAlign run here; only where the stack is in order."""
    sys.path.append(str(package_dir().parent))  # a clone need not be installed
    from mmsfa import ops

    if not ops.is_stand_in():
        return 'compiled ones of mmcv'
    if ops.torchvision_loads():
        return 'those of torchvision (mmsfa.ops)'
    return 'plain torch (mmsfa.ops), slower: the extension of torchvision does not load'


def collect_rows(compat: ModuleType, operators_here: str) -> list:
    """What to show, as rows of name, version and where it comes from."""
    rows = [('python', platform.python_version(), sys.executable)]
    for name in ('torch', 'torchvision', 'numpy', *compat.STACK, 'mmsfa'):
        owners = compat.installed(name)
        versions = ', '.join(owners.values()) or ('source tree' if name == 'mmsfa' else 'missing')
        rows.append((name, versions, ' and '.join(owners)))
    rows.append(('operators of mmcv', operators_here, ''))
    rows.append(('GPU', gpu_names(), ''))
    return rows


def show(rows: list) -> None:
    """Print the rows as a table; plainly where rich itself is missing."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in rows:
            print('  '.join(row))
        return
    table = Table(title='The stack of mmsfa')
    for heading in ('import name', 'version', 'distribution'):
        table.add_column(heading, overflow='fold')
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> int:
    """Check everything, or only what the named tasks need."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--tasks',
        nargs='*',
        choices=('det', 'seg'),
        default=('det', 'seg'),
        help='what is wanted besides classification: det needs mmdet, seg mmseg',
    )
    tasks = parser.parse_args().tasks

    compat = load_compat()
    old = compat.python_problem()
    if old:
        print(f'\n{old}')
        return 1
    names = list(compat.ALWAYS_NEEDED)
    names += [name for task, name in (('det', 'mmdet'), ('seg', 'mmseg')) if task in tasks]
    problems = compat.problems(*names)
    here = 'unknown'
    if not problems:
        try:
            here = operators()
        except RuntimeError as error:  # the StackError of mmsfa itself
            problems = [error]
    show(collect_rows(compat, here))
    for problem in problems:
        print(f'\n{problem}')
    if not problems:
        print('All is well.')
    return int(bool(problems))


if __name__ == '__main__':
    sys.exit(main())
