"""Configs that fine-tune a float model in few bits, with it as the teacher: one training step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmsfa.apis.trained_model import build_model
from mmsfa.compression.quantization import QuantizedLayer
from mmsfa.config.check_keys import check_keys
from mmsfa.config.check_model import check_model
from mmsfa.config.quantization import apply_quantization
from mmsfa.config.scopes import set_loader_defaults
from mmsfa.config.top_level_options import merge_options

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/*_1bit.py'))


@pytest.mark.slow
@pytest.mark.parametrize('bits', [1, 4])
@pytest.mark.parametrize('name', NAMES)
def test_it_starts_from_the_float_model_and_learns_from_it(
    shared_data, tmp_path: Path, lively_weights, name: str, bits: int
) -> None:
    cfg = Config.fromfile(CONFIGS / name)
    check_keys(cfg)
    teacher = CONFIGS / name.replace('_1bit', '')
    assert cfg.model.losses.kd.teacher == f'configs/{teacher.relative_to(CONFIGS)}'
    float_cfg = Config.fromfile(teacher)
    assert Path(cfg.load_from) == Path('work_dirs', teacher.stem, Path(cfg.load_from).name)
    trained_for = float_cfg.train_cfg.get('max_epochs') or float_cfg.train_cfg.max_iters
    assert cfg.load_from.endswith(f'_{trained_for}.pth')

    weights = tmp_path / 'float.pth'
    trained = lively_weights(build_model(float_cfg))
    torch.save(dict(state_dict=trained.state_dict(), meta={}), weights)
    cfg.model.losses.kd.update(teacher=str(teacher), teacher_ckpt=str(weights))
    cfg.load_from, cfg.quantization, cfg.work_dir = str(weights), bits, str(tmp_path / 'run')
    merge_options(cfg, dict(data_root=str(shared_data(Path(cfg.data_root).name))))
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1)
    cfg.param_scheduler = cfg.default_hooks.checkpoint = None
    for split in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{split}_{part}'] = None
    set_loader_defaults(cfg)
    apply_quantization(cfg)
    check_model(cfg)
    runner = Runner.from_cfg(cfg)
    runner.train()
    layers = [m for m in runner.model.modules() if isinstance(m, QuantizedLayer)]
    assert sum(layer.weight_bits == bits for layer in layers) > 20
    loss = runner.message_hub.get_scalar('train/loss_kd').current()
    assert loss > 0 and all(weight.isfinite().all() for weight in runner.model.parameters())
    moved = dict(runner.model.named_parameters())['backbone.downsample_layers.1.conv.weight']
    start = trained.state_dict()['backbone.downsample_layers.1.conv.weight']
    assert 0 < (moved - start).abs().max() < 0.1 * start.abs().max()
