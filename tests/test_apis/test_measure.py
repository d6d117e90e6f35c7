"""The report of a real model on real pictures adds up."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.measure import measure
from mmsfa.apis.trained_model import build_model
from mmsfa.errors import OptionError

DET = 'configs/det/mask_rcnn_esf_demo.py'
REAL = {
    'backbone.downsample_layers.0.conv': 'picture',
    'roi_head.bbox_head.fc_cls': 'potentials',
    'roi_head.bbox_head.fc_reg': 'potentials',
}


def detector(repo_dir: Path, shapes_dir: Path) -> Config:
    cfg = Config.fromfile(repo_dir / DET)
    cfg.test_dataloader.dataset.data_root = str(shapes_dir)
    return cfg


@pytest.fixture
def checkpoint(repo_dir: Path, tmp_path: Path, lively_weights) -> str:
    model = lively_weights(build_model(Config.fromfile(repo_dir / DET)))
    with torch.no_grad():  # one layer that never fires
        model.backbone.stages[1][0].conv1.bn.bias.fill_(-1e4)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    return str(tmp_path / 'weights.pth')


@pytest.mark.slow
def test_figures_add_up(repo_dir: Path, shapes_dir: Path, checkpoint: str) -> None:
    report = measure(detector(repo_dir, shapes_dir), checkpoint, num=2)
    assert json.loads(json.dumps(report)) == report
    *parts, whole = report['totals']
    assert [part['part'] for part in parts] == [
        'backbone', 'neck', 'rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head',
    ]  # fmt: skip
    for figure in ('params', 'bytes', 'macs', 'acs', 'energy_mj', 'ann_energy_mj'):
        assert whole[figure] == pytest.approx(sum(part[figure] for part in parts)), figure
    rows = report['operations']
    for figure in ('macs', 'acs', 'energy_mj', 'ann_energy_mj'):
        assert whole[figure] == pytest.approx(sum(row[figure] for row in rows)), figure
    assert whole['params'] == sum(p.numel() for p in build_model(Config.fromfile(DET)).parameters())
    assert report['analog'] == REAL
    assert 'backbone.stages.1.0.conv2.activate' in report['idle']
    assert rows[0]['name'] == next(iter(REAL))
    for row in rows:
        assert row['input'] == REAL.get(row['name'], 'spikes')
        spiking = 0.9e-9 * row['acs'] if row['input'] == 'spikes' else 4.6e-9 * row['macs']
        assert row['energy_mj'] == pytest.approx(spiking)
        assert row['acs'] == 0 or row['input'] == 'spikes'
    kinds = {row['kind'] for row in rows}
    assert kinds == {'convolution', 'linear', 'attention'}
    assert all(row['bits'] == (None if row['kind'] == 'attention' else 32) for row in rows)
    for neuron in report['neurons']:
        mean = sum(n * share for n, share in enumerate(neuron['histogram']))
        assert neuron['firing_rate'] == pytest.approx(mean / neuron['D'])
    assert report['data']['pictures'] == 2 and report['uncounted'] == []


@pytest.mark.slow
def test_costs_and_hashes(
    repo_dir: Path, shapes_dir: Path, checkpoint: str, tmp_path: Path
) -> None:
    first = measure(detector(repo_dir, shapes_dir), checkpoint, num=1)
    other = measure(detector(repo_dir, shapes_dir), checkpoint, num=1, mac_pj=2.3, ac_pj=0.0)
    whole, halved = first['totals'][-1], other['totals'][-1]
    assert halved['ann_energy_mj'] == pytest.approx(whole['ann_energy_mj'] / 2)
    real = [row['energy_mj'] for row in first['operations'] if row['input'] != 'spikes']
    assert halved['energy_mj'] == pytest.approx(sum(real) / 2)
    for part in ('config', 'checkpoint', 'data'):
        assert first[part]['sha256'] == other[part]['sha256']
    weights = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    assert first['checkpoint']['sha256'] == weights
    changed = detector(repo_dir, shapes_dir)
    changed.model.test_cfg.rcnn.max_per_img = 7
    two = measure(changed, checkpoint, num=2)
    assert two['config']['sha256'] != first['config']['sha256']
    assert two['data']['sha256'] != first['data']['sha256']
    shutil.copytree(shapes_dir, tmp_path / 'elsewhere')
    moved = measure(detector(repo_dir, tmp_path / 'elsewhere'), checkpoint, num=1)
    assert moved['data']['sha256'] == first['data']['sha256']
    with pytest.raises(OptionError, match='--num must be at least 1'):
        measure(detector(repo_dir, shapes_dir), checkpoint, num=0)
