"""Every shipped config is read, built and trained for one step, with its own optimizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmsfa.engine.model_check import check_model
from mmsfa.engine.top_level_options import merge_options
from mmsfa.neurons import SpikingNeuron

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/*.py'))
SHAPES = dict(
    mmdet=dict(
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/training/'),
        metainfo=dict(classes=('circle', 'square', 'triangle')),
    ),
    mmseg=dict(img_suffix='.png'),
)


@pytest.fixture
def small(shapes_dir: Path, shared_data: Callable[[str], Path], tmp_path: Path):
    """A config at 64 x 64 pixels and batch 2; COCO and ADE20K are replaced by Shapes."""

    def read(name: str) -> Config:
        cfg = Config.fromfile(CONFIGS / name)
        dataset = cfg.train_dataloader.dataset
        folder = Path(cfg.data_root).name
        if folder in ('coco', 'ADEChallengeData2016', 'shapes'):
            merge_options(cfg, dict(data_root=str(shapes_dir)))
            dataset.update(SHAPES[cfg.default_scope])
        else:
            merge_options(cfg, dict(data_root=str(shared_data(folder))))
        steps = [step for step in dataset.pipeline if step.type.startswith(('Load', 'Pack'))]
        dataset.pipeline = [*steps[:-1], dict(type='Resize', scale=(64, 64)), steps[-1]]
        cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1)
        for split in ('val', 'test'):
            for part in ('cfg', 'dataloader', 'evaluator'):
                cfg[f'{split}_{part}'] = None
        cfg.default_hooks.checkpoint = None
        cfg.work_dir = str(tmp_path)
        return cfg

    return read


@pytest.mark.parametrize('name', NAMES)
def test_one_training_step(small, name: str) -> None:
    cfg = small(name)
    check_model(cfg)
    runner = Runner.from_cfg(cfg)
    assert sum(isinstance(module, SpikingNeuron) for module in runner.model.modules()) > 100
    runner.train()
    moments = [state['exp_avg'] for state in runner.optim_wrapper.optimizer.state.values()]
    assert all(moment.isfinite().all() for moment in moments)
    assert sum(bool(moment.any()) for moment in moments) > 0.9 * len(moments)


def test_ordinary_heads_are_one_line_away(tmp_path: Path) -> None:
    recipe = (CONFIGS / 'det/mask_rcnn_esf.py').read_text()
    recipe = recipe.replace('models/mask_rcnn_esf.py', 'models/mask_rcnn_esf_ordinary_heads.py')
    own = tmp_path / 'own.py'
    own.write_text(recipe.replace('../_base_', str(CONFIGS / '_base_')))
    cfg = Config.fromfile(own)
    check_model(cfg)
    assert cfg.model.backbone.type == 'mmpretrain.ESpikeFormer'
    heads = (
        cfg.model.neck,
        cfg.model.rpn_head,
        *map(cfg.model.roi_head.get, ('bbox_head', 'mask_head')),
    )
    assert [head.type for head in heads] == ['FPN', 'RPNHead', 'Shared2FCBBoxHead', 'FCNMaskHead']


@pytest.mark.parametrize(
    'name', [name for name in NAMES if 'pretrained' in (CONFIGS / name).read_text()]
)
def test_pretrained_weights_are_one_line(name: str) -> None:
    cfg = Config.fromfile(CONFIGS / name)
    assert cfg.model.backbone.init_cfg is None
    merge_options(cfg, dict(pretrained='esf.pth'))
    expected = dict(type='Pretrained', checkpoint='esf.pth', prefix='backbone.')
    assert cfg.model.backbone.init_cfg == expected
