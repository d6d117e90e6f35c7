"""The shipped configs, shrunk to one or two iterations on a few tiny files, as plain dicts."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from mmsfa.datasets.shapes.shapes_writer import write_shapes
from tests.fuzz.mutations import Tuple, thaw

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
# They validate too, and most cases are theirs.
DEMOS = (
    'det/mask_rcnn_esf_demo.py',
    'seg/upernet_esf_demo.py',
    'cls/esf_tiny_flowers5.py',
    'dvs/mask_rcnn_esf_events_demo.py',
    'dvs/esf_nmnist.py',
    'mim/spike-mae_esf_tiny_flowers5.py',
)
# Building one of these models takes longer than all the rest of a case; nuclei have one class.
LARGE = ('19m', '30m', '52m', '83m', '173m', 'cascade', 'legacy', 'nuclei')
OTHERS = tuple(
    name
    for path in sorted(CONFIGS.glob('[!_]*/*.py'))
    if (name := str(path.relative_to(CONFIGS))) not in DEMOS
    and not any(size in name for size in LARGE)
)
FLOWERS = ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')
# Top-level keys that the tools read besides those of the runner.
TOOLS = ('custom_imports', 'auto_scale_lr', 'tta_model', 'tta_pipeline', 'data_root')
READS = ('Load', 'EventsTo', 'Simulate', 'Pack')


def write_data(root: Path) -> None:
    """Two pictures of each kind of data set, at most 128 pixels wide."""
    write_shapes(root / 'shapes', num_train=2, num_val=2, seed=0)
    draw = np.random.default_rng(0)
    for split in ('train', 'val'):
        names = [f'{label}/0.png' for label in FLOWERS[:2]]
        for name in names:
            path = root / 'flowers' / split / name
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), draw.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        meta = root / 'flowers/meta' / f'{split}.txt'
        meta.parent.mkdir(exist_ok=True)
        meta.write_text(''.join(f'{name} {i}\n' for i, name in enumerate(names)))
    for split in ('Train', 'Test'):
        for digit in range(10):
            path = root / 'nmnist' / split / str(digit) / '0.bin'
            path.parent.mkdir(parents=True)
            events = draw.integers(0, 34, (200, 5), dtype=np.uint8)
            events[:, 2:] = np.arange(200)[:, None] >> np.array([16, 8, 0])
            path.write_bytes(events.tobytes())
    for clip in ('one', 'two'):
        (root / 'clips' / clip).mkdir(parents=True)
        for frame in range(3):
            noise = draw.integers(0, 256, (48, 64), dtype=np.uint8)
            cv2.imwrite(str(root / 'clips' / clip / f'{frame}.png'), noise)
    (root / 'clips/train_label.txt').write_text('one 0\ntwo 299\n')


def _dataset(name: str, scope: str, split: str, root: Path) -> dict[str, Any]:
    """Settings of the small data set in place of a config's own."""
    folder = 'training' if split == 'train' else 'validation'
    if scope == 'mmdet':
        return dict(
            data_root=str(root / 'shapes'),
            ann_file=f'annotations/instances_{split}.json',
            data_prefix=dict(img=f'images/{folder}/'),
            metainfo=dict(classes=('circle', 'square', 'triangle')),
        )
    if scope == 'mmseg':
        return dict(
            data_root=str(root / 'shapes'),
            img_suffix='.png',
            data_prefix=dict(img_path=f'images/{folder}', seg_map_path=f'annotations/{folder}'),
        )
    if 'har_dvs' in name:
        return dict(data_root=str(root / 'clips'))
    if 'nmnist' in name:
        return dict(data_root=str(root / 'nmnist'))
    options = dict(type='CustomDataset', data_root=str(root / 'flowers'), data_prefix=split)
    if name.startswith('mim/spike'):
        return dict(options, with_label=False)
    return dict(options, ann_file=f'meta/{split}.txt')


def read_base(name: str, root: Path) -> dict[str, Any]:
    """Read a shipped config and make it small.

    Args:
        name: Below ``configs``.
        root: Where `write_data` has written.

    Returns:
        What `thaw` gives, with ``work_dir='work'``.
    """
    cfg = Config.fromfile(CONFIGS / name)
    cfg.data_root = str(root)
    demo = name in DEMOS
    for split in ('train', 'val', 'test') if demo else ('train',):
        if not cfg.get(f'{split}_dataloader'):
            continue
        loader = cfg[f'{split}_dataloader']
        small = _dataset(name, cfg.default_scope, 'train' if split == 'train' else 'val', root)
        if small.get('type', loader.dataset.type) != loader.dataset.type:
            loader.dataset = ConfigDict(small, pipeline=loader.dataset.pipeline)
        loader.dataset.update(small)
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        if 'nmnist' in name:
            loader.batch_size = 5  # of ten files, one for each class
        if cfg.default_scope == 'mmdet' and split != 'train':
            cfg[f'{split}_evaluator'].ann_file = str(root / 'shapes' / small['ann_file'])
        if not demo:
            steps = [step for step in loader.dataset.pipeline if step.type.startswith(READS)]
            loader.dataset.pipeline = [*steps[:-1], dict(type='Resize', scale=(64, 64)), steps[-1]]
    if cfg.train_cfg.get('max_iters'):
        cfg.train_cfg.update(max_iters=1, val_interval=1)
    else:
        cfg.train_cfg.update(max_epochs=1)
        cfg.train_cfg.update(dict(val_interval=1) if 'val_interval' in cfg.train_cfg else {})
    if not demo:
        _shrink_recipe(cfg)
    cfg.default_hooks.logger.interval = cfg.default_hooks.checkpoint.interval = 1
    cfg.work_dir = 'work'
    used = inspect.signature(Runner.__init__).parameters
    for key in [key for key in cfg if key not in used and key not in TOOLS]:
        cfg._cfg_dict.pop(key)  # variables that the rest was made of
    return thaw(cfg._cfg_dict)


def _shrink_recipe(cfg: Config) -> None:
    """What is too slow for a test: validation, teachers, large pictures, mixed precision."""
    for part in ('cfg', 'dataloader', 'evaluator'):
        for split in ('val', 'test'):
            cfg[f'{split}_{part}'] = None
    if cfg.model.type == 'SpikeMAE':
        cfg.model.neck.num_patches = (64 // 16) ** 2
    if 'teacher' in cfg.model:
        cfg.model.update(teacher=None, teacher_ckpt=None)
    if cfg.model.get('data_preprocessor', {}).get('size'):
        cfg.model.data_preprocessor.size = (64, 64)
    cfg.optim_wrapper.type = 'OptimWrapper'
    cfg.optim_wrapper.pop('accumulative_counts', None)
    # one iteration is shorter than every warm-up
    cfg.param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5)]


def write_config(cfg: dict[str, Any], path: Path) -> None:
    """Write a plain config as a Python file; NaN and infinity as Python reads them."""
    path.write_text(''.join(f'{key} = {_literal(value)}\n' for key, value in cfg.items()))


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key!r}: {_literal(one)}' for key, one in value.items()) + '}'
    if isinstance(value, list):
        inside = ''.join(f'{_literal(one)}, ' for one in value)
        return f'({inside})' if isinstance(value, Tuple) else f'[{inside}]'
    if isinstance(value, float):
        return f'float({str(value)!r})'
    return repr(value)
