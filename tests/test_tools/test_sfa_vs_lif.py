"""benchmark.py --sfa-vs-lif: both twins are timed and trained in one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmsfa.apis.sfa_vs_lif import (
    check_trainable,
    train_and_validate,
)
from mmsfa.config.lif_twin import levels_of, to_lif_twin
from mmsfa.config.top_level_options import merge_options
from mmsfa.errors import OptionError

TOOL = 'tools/analysis_tools/benchmark.py'
CLS = 'configs/cls/sfa_vs_lif_flowers5.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Run = Callable[..., CompletedProcess]


@pytest.fixture
def cfg(repo_dir: Path) -> Config:
    return Config.fromfile(repo_dir / CLS)


def test_a_run_gives_all_figures_and_their_ratios(
    run_tool: Run, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    data = shared_data('flowers5')
    for part in ('train', 'val'):  # two pictures of each class
        lines = (data / 'meta' / f'{part}.txt').read_text().splitlines()
        step = len(lines) // 10
        (tmp_path / f'{part}.txt').write_text('\n'.join(lines[::step][:10]))
    done = run_tool(
        TOOL, CLS, '--sfa-vs-lif', '--shape', 32, 32, '--batch-size', 2, '--repeats', 2,
        '--epochs', 2, '--seeds', 0, 1, '--out', tmp_path / 'out.json',
        '--work-dir', tmp_path / 'work', '--device', 'cpu',
        '--cfg-options', f'data_root={data}', 'train_dataloader.batch_size=5',
        f'train_dataloader.dataset.ann_file={tmp_path}/train.txt',
        f'val_dataloader.dataset.ann_file={tmp_path}/val.txt',
        'model.backbone.arch.depths=(1,1,1,1,1)',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'published' in done.stdout and '4.5x' in done.stdout and '3.9x' in done.stdout
    found = json.loads((tmp_path / 'out.json').read_text())
    assert found['setting']['seeds'] == [0, 1]
    figures, names = found['figures'], ['SFA 1 x 4', 'LIF 4 x 1']
    for figure in ('training step (s)', 'top-1 (%)', 'energy of an inference (mJ)', 'firing rate'):
        assert list(figures[figure]) == names
        assert [len(values) for values in figures[figure].values()] == [2, 2]
    # Four times as many steps, and a number instead of a byte for each element of each of them.
    assert 4 < found['ratios']['kept for backward (MB)'] < 8
    assert found['published']['training step (s)'] == 4.5
    # What gets real values: the first layer, 3 -> 8 channels, 7 x 7 at stride 2 of 64 x 64, and the
    # classifier, 64 -> 5.
    analog = 4.6e-9 * (32 * 32 * 8 * 3 * 49 + 64 * 5)
    for name, steps in zip(names, (1, 4), strict=True):
        energy, additions = (
            figures[figure][name]
            for figure in ('energy of an inference (mJ)', 'of it additions (mJ)')
        )
        for total, rest in zip(energy, additions, strict=True):
            assert rest > 0 and total - rest == pytest.approx(steps * analog)
    folders = {path.parent.name for path in (tmp_path / 'work').glob('*/epoch_2.pth')}
    assert folders == {'sfa_seed0', 'sfa_seed1', 'lif_seed0', 'lif_seed1'}


def test_the_backbone_of_a_detector_can_be_timed(
    call_tool: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / 'out.json'
    options = ('--sfa-vs-lif', '--epochs', 0, '--shape', 64, 64, '--repeats', 1, '--out', out)
    shown = call_tool(TOOL, DET, *options, '--device', 'cpu')
    assert 'LIF 4 x 1' in shown
    assert set(json.loads(out.read_text())['ratios']) == {
        'forward (s)',
        'training step (s)',
        'kept for backward (MB)',
    }


def test_what_has_no_twin_is_refused(
    cfg: Config, repo_dir: Path, call_tool: Callable[..., str], capsys: pytest.CaptureFixture
) -> None:
    for change in (dict(T=4), dict(neuron_cfg=dict(type='ReLU'))):
        other = deepcopy(cfg)
        other.model.backbone.update(change)
        with pytest.raises(OptionError, match='needs an ESpikeFormer with SFA neurons .*T = 1'):
            levels_of(other)
    with pytest.raises(OptionError, match='--lif-options must be options of the LIF neuron'):
        to_lif_twin(deepcopy(cfg), dict(threshold=1))
    with pytest.raises(OptionError, match='add --epochs 0'):
        check_trainable(Config.fromfile(repo_dir / DET))
    other = Config.fromfile(repo_dir / 'configs/cls/teachers/resnet18_flowers5.py')
    with pytest.raises(OptionError, match='in a ResNet: give a config for still images'):
        levels_of(other)
    with pytest.raises(SystemExit, match='2'):
        call_tool(TOOL, CLS, '--epochs', 3)
    assert 'belong to --sfa-vs-lif' in capsys.readouterr().err


def test_both_trainings_start_alike(
    cfg: Config, shared_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One seed: the same weights and the same order of the pictures; another seed: others."""
    starts = []

    class Begun(Exception):
        pass

    def train(runner: Runner) -> None:
        loader = runner.build_dataloader(runner._train_dataloader, runner.seed)
        order = list(loader.sampler)
        starts.append((order, [weight.clone() for weight in runner.model.parameters()]))
        raise Begun

    monkeypatch.setattr(Runner, 'train', train)
    merge_options(cfg, dict(data_root=str(shared_data('flowers5'))))
    lif = deepcopy(cfg)
    to_lif_twin(lif)
    for number, (twin, seed) in enumerate(((cfg, 3), (lif, 3), (cfg, 4))):
        with pytest.raises(Begun):
            train_and_validate(twin, 1, seed, tmp_path / f'run{number}')
    (order, weights), same, other = starts
    assert same[0] == order != other[0]
    assert all(torch.equal(a, b) for a, b in zip(weights, same[1], strict=True))
    assert not torch.equal(weights[0], other[1][0])
