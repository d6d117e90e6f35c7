"""Command-line options that several tools share, and how they change a config."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device

from mmsfa.checkpoint.loading import trust_checkpoints
from mmsfa.compat import STACK, StackError, require
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.config.check_compile import check_compile
from mmsfa.config.check_keys import check_keys
from mmsfa.config.check_model import check_model
from mmsfa.config.check_values import check_config
from mmsfa.config.quantization import apply_quantization
from mmsfa.config.scopes import scope_of, set_loader_defaults, switch_hooks_off
from mmsfa.config.top_level_options import merge_options
from mmsfa.errors import OptionError, UserError
from mmsfa.shipped import find_config

from .failures import explain, sentence_of, to_log_file
from .key_values import KeyValues


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the config and the way to change it: every tool needs them."""
    parser.add_argument('config', help='config file, or the name of a shipped one')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        help='change settings of the config: key=value, nested.key=value, key="[a,b]" '
        '(the quotation marks are needed)',
    )
    parser.add_argument(
        '--allow-unknown',
        action='store_true',
        help='keep settings that nothing reads, instead of refusing them as misspelt',
    )


def add_model_options(parser: argparse.ArgumentParser, device: bool = True) -> None:
    """Add what every tool needs that looks at a trained model: config, checkpoint, device.

    Args:
        parser: Of the tool.
        device: Whether the tool can run anywhere but on the CPU.
    """
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    if device:
        parser.add_argument(
            '--device', type=_device, default=get_device(), help='default: %(default)s'
        )
    add_trust_option(parser)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Add the only way around the refusal of checkpoints that can run code."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints even if they can run any code; only for files that you made',
    )


def _device(name: str) -> str:
    """A device that torch can use here."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):  # torch was built without it, or knows no such name
        raise argparse.ArgumentTypeError(
            f'torch cannot use {name!r} here, but {get_device()!r}'
        ) from None
    return name


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing have in common."""
    parser.add_argument('--work-dir', help='folder for logs and results')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes were started',
    )
    # torch's launchers have spelt it both ways.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    parser.add_argument(
        '--ann-twin',
        action='store_true',
        help='run the ordinary network instead: ReLU for every spiking neuron, ordinary heads',
    )
    add_trust_option(parser)


def read_config(args: argparse.Namespace) -> Config:
    """Read the config and apply ``--cfg-options``; heed ``--trust-checkpoint``.

    Args:
        args: Parsed options of `add_config_options` or of one that adds more.

    Raises:
        OptionError: There is no such config, or nothing reads one of its settings.
        StackError: The config needs a package that is not installed.
    """
    trust_checkpoints(getattr(args, 'trust_checkpoint', False))
    try:
        path = find_config(args.config)
    except FileNotFoundError as error:
        raise OptionError(str(error)) from None
    if path.suffix not in ('.py', '.yml', '.yaml', '.json'):
        raise OptionError(
            f'A config is a .py, .yml, .yaml or .json file, got {args.config}: the config comes '
            'first, then the checkpoint.'
        )
    try:
        cfg = Config.fromfile(path)
    except ModuleNotFoundError as error:  # `mmdet::...` in a `_base_` without mmdet
        # mmengine names the package, by upstream's name, in its message only, Python in `name`
        missing = {error.name, str(error).partition(' ')[0]}
        require(*(name for name, packages in STACK.items() if missing & {name, *packages}))
        raise
    options, before = args.cfg_options or {}, list(cfg)
    merge_options(cfg, options)
    if not getattr(args, 'allow_unknown', False):
        check_keys(cfg, options, before)
    apply_quantization(cfg)
    return cfg


def read_run_config(args: argparse.Namespace) -> Config:
    """Read the config of a training or a test.

    Args:
        args: Parsed options of `add_config_options` and `add_run_options`.

    Returns:
        The config, with ``work_dir`` set: option > config > ``./work_dirs/<config name>``, with
        ``_ann`` behind the name for the ANN twin.

    Raises:
        OptionError: The config belongs to another library, or a number in it is absurd.
        MisfitError: Backbone, neck and heads do not fit together.
    """
    # mmengine reads the variable alone; torch's older launcher gives the option alone.
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args)
    scope_of(cfg)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = Path(args.config).stem + ('_ann' if args.ann_twin else '')
        cfg.work_dir = str(Path('work_dirs', name))
    if args.ann_twin:
        to_ann_twin(cfg)
    check_config(cfg)
    check_model(cfg)
    check_compile(cfg)
    set_loader_defaults(cfg)
    switch_hooks_off(cfg)
    return cfg


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; an error ends in a sentence, or in a few lines, instead of a traceback.

    The traceback goes into the log file of the run; ``MMSFA_TRACEBACK=1`` shows it on the screen.
    """
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:  # `print_config.py CONFIG | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
        sys.exit(141)  # as a program ends that this kills
    except KeyboardInterrupt:
        sys.exit('\nStopped by the user. A training is continued with --resume.')
    except (UserError, StackError) as error:
        sentence = sentence_of(error)
        to_log_file(sentence)
        sys.exit(f'\n{_error()}: {sentence}')
    except Exception as error:
        log_file = to_log_file(traceback.format_exc())
        if os.environ.get('MMSFA_TRACEBACK', '0') != '0':
            raise
        more = (
            f'The whole traceback is in {log_file}.'
            if log_file
            else 'Set MMSFA_TRACEBACK=1 to see the whole traceback.'
        )
        sys.exit(f'\n{_error()}: {explain(error)}\n  {more}')
    leave_process_group()


def _error() -> str:
    """How a message begins; several processes print into one terminal."""
    return f'Error on rank {os.environ["RANK"]}' if 'RANK' in os.environ else 'Error'


def leave_process_group() -> None:
    """End all processes of a run together.

    A process that simply exits takes its side of the connections away while another one may still
    use them, and its own threads are cut off: now and then a finished run ended with an abort.
    """
    if torch_dist.is_available() and torch_dist.is_initialized():
        torch_dist.barrier()
        torch_dist.destroy_process_group()
