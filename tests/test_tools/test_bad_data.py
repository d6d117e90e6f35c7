"""A training with bad files among its data: tools/train.py as a user runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest

from mmsfa.datasets.shapes.shapes_writer import write_shapes

DET, SEG = 'configs/det/mask_rcnn_esf_demo.py', 'configs/seg/upernet_esf_demo.py'
FAULTS = dict(missing=0, empty=1, junk=2, truncated=3, size=4)  # of which picture
Train = Callable[..., CompletedProcess]


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """Shapes with five bad pictures among 24, and one label map of unknown classes."""
    root = tmp_path / 'shapes'
    write_shapes(root, num_train=24, num_val=2, seed=0)
    folder = root / 'images' / 'training'
    files = {name: folder / f'{number:06d}.png' for name, number in FAULTS.items()}
    files['missing'].unlink()
    files['empty'].write_bytes(b'')
    files['junk'].write_bytes(b'no picture ' * 100)
    files['truncated'].write_bytes(files['truncated'].read_bytes()[:-100])
    content = bytearray(files['size'].read_bytes())
    content[16:20] = bytes(4)  # the width in a PNG's header
    files['size'].write_bytes(content)
    path = root / 'annotations' / 'training' / '000005.png'
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    labels[0, 0] = 200
    cv2.imwrite(str(path), labels)
    return root


@pytest.fixture
def train(run_tool: Callable, spoilt: Path, tmp_path: Path) -> Train:
    def run(config: str, workers: int, *options: str) -> CompletedProcess:
        loaders = [
            f'{split}_dataloader.{option}'
            for split in ('train', 'val')
            for option in (f'num_workers={workers}', f'persistent_workers={workers > 0}')
        ]
        return run_tool(
            'tools/train.py', config, '--work-dir', tmp_path / 'run', '--cfg-options',
            f'data_root={spoilt}', 'train_dataloader.batch_size=4', *loaders, *options,
            OMP_NUM_THREADS='1',
        )  # fmt: skip

    return run


def named(done: CompletedProcess) -> list[str]:
    return re.findall(r'Bad sample: .*?/(\w+/\w+/\w+\.png): ', done.stdout + done.stderr)


PICTURES = [f'images/training/{number:06d}.png' for number in FAULTS.values()]


@pytest.mark.parametrize(
    ('config', 'workers', 'length'),
    [
        (DET, 2, ('train_cfg.max_epochs=1', 'train_cfg.val_interval=1')),
        (SEG, 0, ('train_cfg.max_iters=8', 'train_cfg.val_interval=8')),
    ],
)
def test_training_finishes_and_names_each_file_once(
    train: Train, config: str, workers: int, length: tuple[str, ...]
) -> None:
    """Two passes over the data in the second case."""
    done = train(config, workers, 'train_cfg.max_bad_share=0.3', *length)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed[-3000:]
    bad, samples = PICTURES, 24
    if config == SEG:  # it lists the folder, so nothing tells it of the missing picture
        bad, samples = [*PICTURES[1:], 'annotations/training/000005.png'], 23
    assert sorted(named(done)) == sorted(bad), printed[-5000:]
    assert f'{len(bad)} bad samples so far ({len(bad) / samples:.2%} of {samples}' in printed
    assert ('the label map has 1 pixels outside' in printed) is (config == SEG)


def test_too_many_bad_files_end_it_with_the_list(train: Train, tmp_path: Path) -> None:
    done = train(DET, 0, 'train_cfg.max_bad_share=0.1', 'train_cfg.max_epochs=1')
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and 'Traceback' not in printed
    number, said = re.search(
        r'Error: (\d) of 24 samples are bad, more than the allowed 10.00%(.*)', printed, re.DOTALL
    ).groups()
    assert sum(picture in said for picture in PICTURES) == int(number) >= 3
    assert not list((tmp_path / 'run').glob('*.pth'))
