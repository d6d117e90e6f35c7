"""Test any model: detection, segmentation or classification."""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse

from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmsfa.cli.options import add_config_options, add_run_options, read_run_config, run_tool
from mmsfa.cli.run_folder import folder_of_its_own
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.cpu_processes import use_gloo_without_gpu
from mmsfa.config.prediction_options import enable_drawing, enable_output, enable_tta
from mmsfa.data_check.check_classes import check_classes


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--out',
        help='write the predictions: a .pkl file; for segmentation also a folder of label maps',
    )
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds a window stays')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    add_run_options(parser)
    return parser.parse_args()


def main() -> None:
    """Test."""
    args = parse_args()
    cfg = read_run_config(args)
    cfg.load_from = args.checkpoint
    if args.show or args.show_dir:
        enable_drawing(cfg, args.show, args.show_dir, args.wait_time)
    if args.tta:
        enable_tta(cfg)
    if args.out:
        enable_output(cfg, args.out)
    check_datasets(cfg, 'test')
    check_classes(cfg, 'test')
    use_gloo_without_gpu(cfg)
    with folder_of_its_own(cfg):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.test()


if __name__ == '__main__':
    run_tool(main)
