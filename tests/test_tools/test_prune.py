"""tools/model_compression/prune.py: a checkpoint becomes a narrow one, with its config."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmsfa.apis.trained_model import build_model
from mmsfa.config.top_level_options import merge_options
from mmsfa.engine import safe_load
from tests.helpers.lively import lively_weights

TOOL = 'tools/model_compression/prune.py'
CLS = 'configs/cls/esf_tiny_flowers5.py'
Run = Callable[..., CompletedProcess]


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier with two pictures in the layout of flowers5."""
    folder = tmp_path_factory.mktemp('pruning')
    data = folder / 'flowers5'
    (data / 'meta').mkdir(parents=True)
    (data / 'meta' / 'classes.txt').write_text('daisy\nrose\n')
    for part in ('train', 'val'):
        (data / part / 'daisy').mkdir(parents=True)
        for i in range(2):
            picture = np.random.default_rng(i).integers(0, 255, (64, 64, 3), np.uint8)
            cv2.imwrite(str(data / part / 'daisy' / f'{i}.png'), picture)
        (data / 'meta' / f'{part}.txt').write_text('daisy/0.png 0\ndaisy/1.png 0')
    cfg = Config.fromfile(CLS)
    merge_options(cfg, dict(data_root=str(data)))
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False, batch_size=2)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint.interval = 1
    cfg.model.backbone.arch = dict(channels=(16, 32, 32, 32), depths=(1, 0, 0, 1, 0))
    cfg.model.head.in_channels = 32
    cfg.dump(folder / 'tiny.py')
    weights = lively_weights(build_model(cfg)).state_dict()
    torch.save(dict(state_dict=weights, meta={}), folder / 'tiny.pth')
    return folder / 'tiny.py'


def prune(run_tool: Run, config: Path, out: Path, *options: object) -> CompletedProcess:
    weights = config.with_suffix('.pth')
    device = ('--device', 'cpu', '--pictures', 1, '--num', 2)
    return run_tool(TOOL, config, weights, '--out', out, *device, *options)


def test_weights_config_and_figures(run_tool: Run, config: Path, tmp_path: Path) -> None:
    done = prune(run_tool, config, tmp_path / 'small', '--ratio', 0.5)
    assert done.returncode == 0, done.stderr
    assert 'Stays, because it gives an output of the model: head.fc' in done.stdout
    for row in ('parameters (M)', 'weights (MB)', 'MACs (G)', 'energy (mJ)'):
        assert row in done.stdout
    cfg = Config.fromfile(tmp_path / 'small.py')
    assert cfg.model.type == 'mmpretrain.Pruned' and cfg.load_from == str(tmp_path / 'small.pth')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    model.load_state_dict(safe_load(tmp_path / 'small.pth')['state_dict'])  # strict
    before = safe_load(config.with_suffix('.pth'))['state_dict']
    name = 'backbone.stages.3.0.mlp.fc1.conv'
    assert len(model.state_dict()[f'{name}.weight']) == len(before[f'{name}.weight']) // 2

    fine_tuned = run_tool('tools/train.py', tmp_path / 'small.py', '--work-dir', tmp_path / 'run')
    assert fine_tuned.returncode == 0, fine_tuned.stderr
    assert 'do not match' not in fine_tuned.stdout + fine_tuned.stderr
    after = safe_load(tmp_path / 'run/epoch_1.pth')['state_dict']
    assert after[f'{name}.weight'].shape == model.state_dict()[f'{name}.weight'].shape

    again = run_tool(
        TOOL, tmp_path / 'small.py', tmp_path / 'run/epoch_1.pth', '--out', tmp_path / 'smaller',
        '--device', 'cpu', '--pictures', 1, '--ratio', 0.5, '--criterion', 'l1',
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    cfg = Config.fromfile(tmp_path / 'smaller.py')
    assert cfg.model.of.type == 'ImageClassifier'
    assert cfg.model.widths[name][0] == len(before[f'{name}.weight']) // 4


@pytest.mark.parametrize(
    ('more', 'words'),
    [
        (['--ratio', 0.5, '--criterion', 'svd'], "criterion must be one of svs, .* got 'svd'"),
        (['--ratio', 1.2], r'ratio .* must lie in \[0, 1\), got 1.2'),
        (['--ratio', 0.9], 'A ratio of 0.9 leaves none of the'),
        (['--ratio', 0.5, '--layers', 'nek=0.2'], "'nek' fits no layer"),
        (['--ratio', 0.5, '--layers', 'neck:0.2'], "--layers takes NAME=RATIO, .* got 'neck:0.2'"),
        (['--ratio', 0.5, '--num', 0], '--num must be at least 1 picture, got 0'),
        (['--ratio', 0.5, '--pictures', 0], '--pictures must be at least 1, got 0'),
    ],
)
def test_wrong_use_gets_a_sentence(
    run_tool: Run, config: Path, tmp_path: Path, more: list, words: str
) -> None:
    done = prune(run_tool, config, tmp_path / 'small', *more)
    assert done.returncode != 0 and 'Traceback' not in done.stderr
    assert re.search(words, ' '.join(done.stderr.split()))
    assert not list(tmp_path.iterdir())
