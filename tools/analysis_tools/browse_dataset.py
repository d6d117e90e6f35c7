"""Draw what a model is fed: the images of a config's data set after its pipeline, with labels."""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, VISUALIZERS, init_default_scope
from mmengine.visualization import Visualizer
from rich.progress import track

from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of
from mmsfa.visualization.events import EventVisualizer, render_events


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output-dir', help='folder for the pictures')
    parser.add_argument('--not-show', action='store_true', help='open no window')
    parser.add_argument('--phase', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--show-number', type=int, help='stop after this many pictures')
    parser.add_argument('--show-interval', type=float, default=2, help='seconds a window stays')
    add_config_options(parser)
    return parser.parse_args()


def draw(visualizer: Visualizer, item: dict[str, Any], name: str, **options: Any) -> None:
    """Draw one packed item with whatever the library's visualizer is called."""
    image = item['inputs'].permute(1, 2, 0).numpy()  # (H, W, C)
    if image.shape[-1] == 3:
        image = np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)  # BGR to RGB
    elif not isinstance(visualizer, EventVisualizer):  # which draws them itself, larger
        image = render_events(image)
    sample = item['data_samples'].numpy()
    instances = sample.get('gt_instances')
    if instances is not None:  # mmdet's own box and mask classes, which its visualizer refuses
        if 'bboxes' in instances:
            boxes = instances.bboxes
            instances.bboxes = getattr(boxes, 'tensor', boxes)
        if 'masks' in instances:
            instances.masks = instances.masks.to_ndarray().astype(bool)
    if hasattr(visualizer, 'visualize_cls'):
        visualizer.visualize_cls(image, sample, draw_pred=False, name=name, **options)
    else:
        visualizer.add_datasample(name, image, sample, draw_pred=False, **options)


def main() -> None:
    """Draw the data set."""
    args = parse_args()
    cfg: Config = read_config(args)
    scope_of(cfg)
    check_datasets(cfg, args.phase)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg[f'{args.phase}_dataloader'].dataset)
    visualizer = VISUALIZERS.build({'name': 'visualizer', **cfg.visualizer, 'vis_backends': None})
    visualizer.dataset_meta = dataset.metainfo
    number = min(args.show_number or len(dataset), len(dataset))
    for index, item in enumerate(track(islice(dataset, number), total=number)):
        path = getattr(item['data_samples'], 'img_path', None) or 'image'
        name = f'{index:06d}_{Path(path).stem}.png'
        draw(
            visualizer,
            item,
            name,
            show=not args.not_show,
            wait_time=args.show_interval,
            out_file=str(Path(args.output_dir, name)) if args.output_dir else None,
        )
    if args.output_dir:
        print(f'{number} pictures are in {args.output_dir}')


if __name__ == '__main__':
    run_tool(main)
