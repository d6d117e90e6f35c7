"""Prints a whole config, with its bases merged, as the tools see it."""

import argparse
from pathlib import Path

import mmsfa  # noqa: F401  a config may import parts of it
from mmsfa.cli.options import add_config_options, read_config, run_tool


def main() -> None:
    """Read, override, print, and save where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--save-path', type=Path, help='also write it: .py, .json, .yml or .yaml')
    add_config_options(parser)
    args = parser.parse_args()
    if args.save_path and args.save_path.suffix not in ('.py', '.json', '.yml', '.yaml'):
        parser.error(f'--save-path must end in .py, .json, .yml or .yaml, got {args.save_path}')

    config = read_config(args)
    print(f'Config:\n{config.pretty_text}')
    if args.save_path:
        args.save_path.parent.mkdir(parents=True, exist_ok=True)
        config.dump(args.save_path)
        print(f'Config saved to {args.save_path}')


if __name__ == '__main__':
    run_tool(main)
