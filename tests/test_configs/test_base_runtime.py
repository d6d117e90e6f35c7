"""configs/_base_/default_runtime*.py and the published schedules."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, MODELS, init_default_scope
from mmengine.runner import Runner

from mmsfa.config.scopes import switch_hooks_off

OURS = {
    'AtomicCheckpointHook',
    'FiringRateHook',
    'PretrainedNoticeHook',
    'DataCheckHook',
    'MetricCheckHook',
    'SyncNormStatsHook',
    'ExactResumeHook',
    'NumericsHook',
    'ScheduleHook',
}
SCOPES = dict(det='mmdet', seg='mmseg', cls='mmpretrain')


@pytest.fixture(scope='module')
def base(repo_dir: Path) -> Path:
    return repo_dir / 'configs' / '_base_'


@pytest.mark.parametrize('task', SCOPES)
def test_a_runtime_has_what_the_tools_rely_on(base: Path, task: str) -> None:
    cfg = Config.fromfile(base / f'default_runtime_{task}.py')
    assert cfg.default_scope == SCOPES[task]
    assert 'mmsfa' in cfg.custom_imports.imports
    assert 'visualization' in cfg.default_hooks
    assert {hook.type for hook in cfg.default_hooks.values()} >= OURS
    assert all(HOOKS.get(hook) for hook in OURS)
    assert cfg.visualizer.vis_backends == [dict(type='LocalVisBackend')]
    assert cfg.log_processor.by_epoch is cfg.default_hooks.checkpoint.get('by_epoch', True)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['det/mask_rcnn_esf_demo.py', 'seg/upernet_esf_demo.py'])
def test_a_hook_of_the_users_own_deletes_none_of_ours(
    repo_dir: Path, tmp_path: Path, shapes_dir: Path, name: str
) -> None:
    own = tmp_path / 'own.py'
    own.write_text(
        f"_base_ = '{repo_dir / 'configs' / name}'\n"
        "custom_hooks = [dict(type='EmptyCacheHook')]\n"
        'default_hooks = dict(firing_rate=dict(interval=1), numerics=None)\n'
        f"work_dir = '{tmp_path / 'work'}'\n"
    )
    cfg = Config.fromfile(own)
    switch_hooks_off(cfg)
    hooks = {type(hook).__name__: hook for hook in Runner.from_cfg(cfg).hooks}
    assert OURS - {'NumericsHook'} | {'EmptyCacheHook'} <= set(hooks)
    assert 'NumericsHook' not in hooks and hooks['FiringRateHook'].interval == 1


@pytest.mark.parametrize(('name', 'epochs', 'steps'), [('1x', 12, [8, 11]), ('3x', 36, [27, 33])])
def test_coco_schedules(base: Path, name: str, epochs: int, steps: list[int]) -> None:
    cfg = Config.fromfile(base / 'schedules' / f'coco_{name}.py')
    warm_up, decay = cfg.param_scheduler
    assert (warm_up.start_factor, warm_up.end, warm_up.by_epoch) == (0.001, 1000, False)
    assert cfg.train_cfg.max_epochs == decay.end == epochs
    assert decay.milestones == steps
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 2e-4, 0.05)
    assert cfg.auto_scale_lr.base_batch_size == 32


def test_the_ade_schedule_doubles_the_rate_of_heads_only(base: Path, repo_dir: Path) -> None:
    cfg = Config.fromfile(base / 'schedules' / 'ade_160k.py')
    demo = Config.fromfile(repo_dir / 'configs' / 'seg' / 'upernet_esf_demo.py')
    init_default_scope('mmseg')
    model = MODELS.build(demo.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in wrapper.optimizer.param_groups:
        (name,) = (names[id(parameter)] for parameter in group['params'])
        is_head = name.startswith(('decode_head', 'auxiliary_head'))
        assert group['lr'] == (2e-3 if is_head else 1e-3), name
        assert group['weight_decay'] == 0.005, name  # norms as well
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_iters == 160000
