"""The tools on a config with auxiliary losses: train, test, report, publish.

How such a training resumes: test_exact_resume.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open

from mmsfa.apis.trained_model import build_model, load_trained

PLAIN = """
_base_ = '{root}/configs/seg/upernet_esf_demo.py'
model = dict(backbone=dict(arch=dict(
    _delete_=True, channels=(24, 48, 96, 128), depths=(1, 0, 0, 1, 0))))
"""
CONFIG = """
_base_ = 'plain.py'
data_root = '{data}'
model = dict(
    _delete_=True,
    type='AuxiliaryLosses',
    of=_base_.model,
    losses=dict(
        rate=dict(type='FiringRateLoss', target=0.1),
        kd=dict(
            type='FeatureDistillationLoss',
            teacher='{folder}/plain.py', teacher_ckpt='{folder}/teacher.pth',
            features=dict(backbone='backbone'), channels=[(24, 24), (48, 48), (96, 96), (128, 128)],
        ),
    ),
)
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root))
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=4, val_interval=4)
param_scheduler = None
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=-1), logger=dict(interval=1))
"""


@pytest.fixture(scope='module')
def run(
    repo_dir: Path, shapes_dir: Path, tmp_path_factory: pytest.TempPathFactory, lively_weights
) -> tuple[Path, Path]:
    """The config, and a folder for runs."""
    folder = tmp_path_factory.mktemp('with_losses')
    (folder / 'plain.py').write_text(PLAIN.format(root=repo_dir))
    (folder / 'config.py').write_text(CONFIG.format(folder=folder, data=shapes_dir))
    plain = Config.fromfile(folder / 'plain.py')
    torch.save(lively_weights(build_model(plain)).state_dict(), folder / 'teacher.pth')
    return folder / 'config.py', folder


@pytest.fixture(scope='module')
def trained(run: tuple[Path, Path], run_tool: Callable) -> Path:
    """A run of four iterations."""
    config, folder = run
    done = run_tool('tools/train.py', config, '--work-dir', folder / 'whole')
    assert done.returncode == 0, done.stderr[-4000:]
    log = done.stdout + done.stderr
    assert 'loss_rate:' in log and 'loss_kd:' in log and 'decode.loss_ce:' in log
    return folder / 'whole' / 'iter_4.pth'


def test_tools_see_the_model_itself(
    run, trained: Path, call_tool: Callable, tmp_path: Path
) -> None:
    config, folder = run
    wrapped, plain = Config.fromfile(config), Config.fromfile(folder / 'plain.py')
    models = [load_trained(cfg, str(trained)) for cfg in (wrapped, plain)]
    images = torch.randn(1, 3, 64, 64)
    assert type(models[0]) is type(models[1])
    assert torch.equal(*(model(images) for model in models))
    flops = [
        call_tool('tools/analysis_tools/get_flops.py', path, '--shape', 64)
        for path in (config, folder / 'plain.py')
    ]
    assert flops[0] == flops[1] and 'whole model' in flops[0]
    said = call_tool('tools/test.py', config, trained, '--work-dir', tmp_path, '--tta')
    assert 'mIoU' in said
    call_tool(
        'tools/analysis_tools/spiking_report.py', config, trained, '--num', 1, '--out', tmp_path
    )
    assert (tmp_path / 'report.json').is_file()


def test_what_a_loss_learnt_is_not_published(
    run, trained: Path, call_tool: Callable, tmp_path: Path
) -> None:
    config, folder = run
    out = tmp_path / 'out'
    call_tool('tools/model_converters/publish_model.py', trained, out, '--config', config)
    (file,) = tmp_path.glob('*.safetensors')
    with safe_open(str(file), 'pt') as published:
        names = set(published.keys())
    assert names == set(build_model(Config.fromfile(folder / 'plain.py')).state_dict())


def test_a_missing_teacher_is_named(run, run_tool: Callable) -> None:
    config, folder = run
    done = run_tool(
        'tools/train.py', config, '--work-dir', folder / 'none', '--cfg-options',
        'model.losses.kd.teacher_ckpt=gone.pth',
    )  # fmt: skip
    assert done.returncode == 1
    assert 'Error: The checkpoint of the teacher is not there: gone.pth.' in done.stderr
