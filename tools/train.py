"""Train any model: detection, segmentation or classification."""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmsfa.cli.options import add_config_options, add_run_options, read_run_config, run_tool
from mmsfa.cli.resume import apply_resume
from mmsfa.cli.run_folder import claim_work_dir, folder_of_its_own
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.check_values import check_begins, say_accumulation
from mmsfa.config.cpu_processes import use_gloo_without_gpu
from mmsfa.config.quantization import check_annealing
from mmsfa.data_check.check_classes import check_classes
from mmsfa.errors import OptionError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='continue a run: from PATH, or without it from the newest checkpoint in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (on a CPU: bfloat16)')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate from the config's base batch size to the real one",
    )
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    add_run_options(parser)
    return parser.parse_args()


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Change the config as the options of training ask."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    amp = args.amp or cfg.optim_wrapper.get('type') == 'AmpOptimWrapper'
    if amp and torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    elif amp:
        cfg.optim_wrapper.type = 'CPUAmpOptimWrapper'
        for gpu_only in ('loss_scale', 'dtype', 'use_fsdp'):
            cfg.optim_wrapper.pop(gpu_only, None)
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or ()):
            raise OptionError(
                '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=N) in the '
                f'config, got {cfg.get("auto_scale_lr")!r}.'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        apply_resume(cfg, None if args.resume == 'auto' else args.resume)


def main() -> None:
    """Train."""
    args = parse_args()
    cfg = read_run_config(args)
    apply_options(cfg, args)
    check_begins(cfg)
    check_annealing(cfg)
    check_datasets(cfg, 'train', 'val')
    check_classes(cfg, 'train', 'val')
    claim_work_dir(cfg)
    use_gloo_without_gpu(cfg)
    with folder_of_its_own(cfg):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    say_accumulation(cfg)  # into the log of the run, which there is now
    runner.train()


if __name__ == '__main__':
    run_tool(main)
