"""Begin a config of your own from a shipped one.

The new file inherits the shipped config and is to be filled with what differs. With --whole the
config itself is copied, with all that it inherits, each in the folder where the others look for it.

Examples:
    mmsfa copy configs/det/mask_rcnn_esf.py my_detector.py
    mmsfa copy configs/det/mask_rcnn_esf.py my_configs --whole
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import ast
from pathlib import Path

from mmsfa.cli.options import run_tool
from mmsfa.errors import OptionError
from mmsfa.shipped import find_config, shipped_dir

INHERITS = """\
# Begun from a config of mmsfa: write here what shall differ. The tools of mmsfa know such a base,
# other programs need `import mmsfa` before they read this file.
_base_ = 'mmsfa::{}'
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='name of a shipped config')
    parser.add_argument(
        'out',
        nargs='?',
        type=Path,
        default=Path(),
        help='the new file, or its folder; with --whole a folder; default: the current one',
    )
    parser.add_argument('--whole', action='store_true', help='copy it with all that it inherits')
    parser.add_argument('--overwrite', action='store_true', help='replace files that exist')
    return parser.parse_args()


def bases_of(config: Path) -> list[Path]:
    """Every config that a config inherits from a file, also those that its bases inherit."""
    found: list[str] = []
    for node in ast.parse(config.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            value = ast.literal_eval(node.value)
            found += [value] if isinstance(value, str) else value
    paths = [(config.parent / name).resolve() for name in found if '::' not in name]
    return [path for base in paths for path in (base, *bases_of(base))]


def new_files(args: argparse.Namespace) -> dict[Path, str]:
    """Path -> text of all that is to be written.

    Raises:
        OptionError: The config is none of the shipped ones.
    """
    root = shipped_dir() / 'configs'
    try:
        config = find_config(args.config).resolve()
    except FileNotFoundError as error:
        raise OptionError(str(error)) from None
    if not config.is_relative_to(root):
        raise OptionError(
            f'{args.config} is a file of yours; expected the name of a shipped config '
            '(`mmsfa configs`). A config of yours is inherited by its path.'
        )
    if args.whole:
        copied = dict.fromkeys([config, *bases_of(config)])
        return {args.out / path.relative_to(root): path.read_text() for path in copied}
    out = args.out if args.out.suffix == '.py' else args.out / config.name
    return {out: INHERITS.format(config.relative_to(root).as_posix())}


def main() -> None:
    """Write the new files, or none of them."""
    args = parse_args()
    files = new_files(args)
    there = [str(path) for path in files if path.exists()]
    if there and not args.overwrite:
        raise OptionError(
            f'There is a file {there[0]} already: name another place, or give --overwrite.'
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f'Wrote {path}')


if __name__ == '__main__':
    run_tool(main)
