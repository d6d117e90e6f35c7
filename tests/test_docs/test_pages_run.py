"""Every code block of the pages that a reader follows step by step is run, in order.

A folder with the clone's tools and configs is the reader's. What is shorter than on the page is
stated in `SHORTER`: fewer pictures, blocks, iterations, and the names of checkpoints that follow.
"""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.utils import ManagerMixin

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NO_WORKERS = [
    f'{split}_dataloader.{setting}'
    for split in ('train', 'val', 'test')
    for setting in ('num_workers=0', 'persistent_workers=False')
]

# Page: text that is replaced, options of training, and what must be there in the end.
SHORTER: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    'bestformer': ({}, [], []),
    'extend': ({}, [], []),
    'snn_vit': ({}, [], []),
    'spike_times': ({}, [], []),
    'tutorial': (
        {
            '--num-train 320 --num-val 64': '--num-train 8 --num-val 4',
            'model = dict(': 'model = dict(backbone=dict(arch=dict(depths=(1, 0, 0, 1, 0))), ',
        },
        [],
        [
            'work_dirs/browse/*.png',
            'work_dirs/my_detector/*/pictures/000003.png',
            'shown/000003.png',
            'report/report.html',
            'my_detector_onnx/*.onnx',
            'my_detector_onnx/pipeline.json',
            'weights/my_detector-*.safetensors',
        ],
    ),
    'own_segmentation': (
        {'--num-train 320 --num-val 64': '--num-train 8 --num-val 2', 'iter_600': 'iter_2'},
        ['train_cfg.max_iters=2', 'train_cfg.val_interval=2'],
        [
            'work_dirs/my_segmentor/shown/vis_data/vis_image/*.png',
            'shown_seg/000001.png',
            'report_seg/report.html',
        ],
    ),
    'own_classes': (
        {"('train', 200), ('val', 50)": "('train', 24), ('val', 9)", 'epoch_60': 'epoch_1'},
        ['train_cfg.max_epochs=1'],
        [
            'work_dirs/my_classifier/found.pkl',
            'shown_cls/*.png',
            'report_cls/report.html',
        ],
    ),
}


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Language, file name or nothing, and text of each code block."""
    for found in BLOCK.finditer((ROOT / 'docs' / f'{page}.md').read_text()):
        yield found[1], found[2] or '', found[3]


def commands(text: str) -> list[list[str]]:
    """The commands of a shell block as words."""
    lines = text.replace('\\\n', ' ').splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def forget_earlier_runs() -> None:
    """Each command is a process of its own for the reader: no logger or visualizer is left."""
    managers = [ManagerMixin]
    for manager in managers:
        managers += manager.__subclasses__()
        manager._instance_dict.clear()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a clone, and is where we are."""
    for name in ('configs', 'tools', 'demo'):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize('page', SHORTER)
def test_every_block_runs(page: str, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, options, expected = SHORTER[page]
    left = dict(replaced)
    names = {'__name__': '__main__'}  # blocks of one page go on where the last one ended
    for language, name, text in blocks(page):
        for old, new in replaced.items():
            if old in text:
                text = text.replace(old, new)
                left.pop(old, None)
        if name:
            (clone / name).write_text(text)
        elif language == 'python':
            exec(compile(text, f'{page}.md', 'exec'), names)
        elif language == 'shell':
            for program, tool, *words in commands(text):
                assert program == 'python'
                if tool == 'tools/train.py':
                    words += ['--cfg-options', *NO_WORKERS, *options]
                monkeypatch.setattr(sys, 'argv', [tool, *words])
                forget_earlier_runs()
                runpy.run_path(tool, run_name='__main__')
        else:
            assert language == 'text'
    assert not left, 'the page no longer says this'
    assert not [pattern for pattern in expected if not list(clone.glob(pattern))]
