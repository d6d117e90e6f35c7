"""mmengine: the runner, its loops, hooks, schedulers, and what loads checkpoints."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.hooks import CheckpointHook, Hook
from mmengine.infer import BaseInferencer
from mmengine.logging import HistoryBuffer, MMLogger
from mmengine.model import BaseModel, ImgDataPreprocessor
from mmengine.optim import LinearLR, OptimWrapper, _ParamScheduler
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.registry import Registry
from mmengine.runner import (
    BaseLoop,
    CheckpointLoader,
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tests.test_private_api.rows import row

DATA = [dict(x=torch.ones(1)), dict(x=torch.zeros(1))]


class Net(BaseModel):
    """One layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        return dict(loss=self.layer(x).mean())


def runner(folder: Path, **settings: Any) -> Runner:
    """A real one, of two iterations."""
    optimizer = dict(optimizer=dict(type='SGD', lr=0.1))
    return Runner(
        model=Net(),
        work_dir=str(folder),
        experiment_name=f'{folder.parent.name}_{folder.name}',
        train_dataloader=DataLoader(DATA),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=optimizer,
        **settings,
    )


@row(
    '_load_from', '_resume', '_has_loaded',
    used_by='engine/hooks/atomic_checkpoint_hook.py engine/hooks/numerics_hook.py '
    'engine/hooks/pretrained_notice_hook.py engine/hooks/schedule_hook.py',
)  # fmt: skip
def runner_says_what_it_loads(folder: Path) -> None:
    run = runner(folder / 'a')
    run.train()
    run = runner(folder / 'b', resume=True)
    assert run._resume and run._load_from is None and not run._has_loaded
    run._load_from = str(folder / 'a' / 'epoch_1.pth')  # before_run may still choose the file
    run.load_or_resume()
    assert run._has_loaded and run.iter == 2


@row('_train_loop', used_by='engine/hooks/pretrained_notice_hook.py')
def runner_builds_the_loop_when_it_trains(folder: Path) -> None:
    run = runner(folder)
    assert not isinstance(run._train_loop, BaseLoop)
    run.train()
    assert isinstance(run._train_loop, BaseLoop)


@row('_randomness_cfg', used_by='engine/loops/resumable_loader_of.py')
def runner_keeps_its_randomness(folder: Path) -> None:
    randomness = dict(seed=3, diff_rank_seed=True)
    assert runner(folder / 'a', randomness=randomness)._randomness_cfg == randomness


class Recorder(CheckpointHook):
    """Notes when mmengine calls the methods that are overridden."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls: list[tuple] = []

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self.calls.append((step, meta['epoch'], meta['iter']))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        self.calls.append((metrics,))


@row(
    '_save_checkpoint_with_step', '_save_best_checkpoint',
    used_by='engine/hooks/atomic_checkpoint_hook.py',
)  # fmt: skip
def checkpoint_hook_saves_by_these(folder: Path) -> None:
    run, hook = runner(folder / 'a'), Recorder(save_best='acc', rule='greater', max_keep_ckpts=2)
    run.register_hook(hook)
    run.train()
    hook.after_val_epoch(run, dict(acc=1.0))
    assert [call[0] for call in hook.calls] == [1, dict(acc=1.0)], hook.calls
    for name in ('last_ckpt', 'keep_ckpt_ids', 'file_backend', 'args', 'out_dir'):
        assert hasattr(hook, name), name


@row('_epoch', '_max_epochs', used_by='engine/loops/epoch_loop.py')
def epoch_loop_counts(folder: Path) -> None:
    run = runner(folder / 'a')
    loop = run.train_loop
    assert (loop._epoch, loop._max_epochs) == (0, 1)
    run.train()
    assert (loop._epoch, loop.epoch) == (1, 1)


@row('_iter', '_max_iters', used_by='engine/loops/iter_loop.py')
def iter_loop_counts(folder: Path) -> None:
    run = runner(folder / 'a')
    loop = IterBasedTrainLoop(run, DataLoader(DATA), max_iters=5)
    assert (loop._iter, loop._max_iters) == (0, 5)
    source = inspect.getsource(IterBasedTrainLoop.run)  # how a resume passes over data
    # upstream asks for each batch: the same place, later
    assert 'dataloader_iterator.skip_iter(' in source or 'next(self.dataloader_iterator)' in source


@row(
    '_decide_current_val_interval',
    used_by='engine/loops/epoch_loop.py engine/loops/iter_loop.py',
)  # fmt: skip
def loops_choose_the_interval_of_validations(folder: Path) -> None:
    for kind, counter in ((EpochBasedTrainLoop, '_epoch'), (IterBasedTrainLoop, '_iter')):
        run, loader = runner(folder / kind.__name__), DataLoader(DATA)
        loop = kind(run, loader, 9, val_interval=4, dynamic_intervals=[(6, 2)])
        setattr(loop, counter, 7)
        loop._decide_current_val_interval()
        assert loop.val_interval == 2
        assert '_decide_current_val_interval' in inspect.getsource(kind.run)


@row(
    '_ParamScheduler', '_global_step', '_last_value',
    used_by='engine/schedule/comparison.py engine/schedule/moved_ends.py '
    'engine/schedule/replay.py engine/hooks/schedule_hook.py',
)  # fmt: skip
def schedulers_step_groups(folder: Path) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = LinearLR(optimizer, start_factor=0.5, end=4)
    assert isinstance(scheduler, _ParamScheduler) and not scheduler._global_step
    assert scheduler._last_value == [0.05] and scheduler.base_values == [0.1]
    optimizer.step()
    scheduler.step()
    assert scheduler._global_step == 1 and len(scheduler._last_value) == 1
    assert {'_global_step', '_last_value', 'last_step'} <= set(scheduler.state_dict())
    # What stands in for the optimizer while a schedule is replayed is read by these names alone.
    scheduler.optimizer = type('Groups', (), dict(param_groups=[dict(lr=0.1)], step=None))()
    scheduler.step()
    assert scheduler.optimizer.param_groups[0]['lr'] != 0.1


@row('_annealing_cos', '_annealing_linear', used_by='checkpoint/loading/allowed_globals.py')
def one_cycle_stores_a_function(folder: Path) -> None:
    assert OneCycleParamScheduler._annealing_cos(0.0, 1.0, 1.0) == 1.0
    assert OneCycleParamScheduler._annealing_linear(0.0, 1.0, 0.5) == 0.5
    assert all(hasattr(HistoryBuffer, name) for name in ('min', 'max', 'mean', 'current'))


@row('_accumulative_counts', used_by='engine/hooks/exact_resume_hook.py')
def optim_wrapper_accumulates(folder: Path) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert OptimWrapper(optimizer, accumulative_counts=3)._accumulative_counts == 3


@row('_instance_dict', used_by='cli/failures/log_file.py')
def loggers_are_known_by_name(folder: Path) -> None:
    MMLogger._instance_dict.clear()
    logger = MMLogger.get_instance('known')
    assert MMLogger._instance_dict['known'] is logger


@row('_cfg_dict', 'the local variables of build_from_cfg', used_by='cli/failures/failed_build.py')
def a_failed_build_shows_its_config(folder: Path) -> None:
    cfg = Config(dict(model=dict(type='Broken', size=1)))
    assert isinstance(cfg._cfg_dict, dict) and cfg._cfg_dict['model']['size'] == 1
    registry = Registry('probe')

    @registry.register_module()
    class Broken:
        def __init__(self) -> None: ...

    try:
        registry.build(cfg.model)
    except Exception as error:
        frame = error.__traceback__
        while frame and frame.tb_frame.f_code.co_name != 'build_from_cfg':
            frame = frame.tb_next
        known = frame.tb_frame.f_locals
    assert (
        known['cfg'] == cfg.model and known['obj_cls'] is Broken and known['registry'] is registry
    )


@row('_get_cfg_path', 'MODULE2PACKAGE', used_by='shipped.py')
def configs_ask_where_their_bases_are(folder: Path) -> None:
    find = inspect.unwrap(Config._get_cfg_path)
    assert list(inspect.signature(find).parameters) == ['cfg_path', 'filename']
    assert find('b.py', str(folder / 'a.py')) == (str(folder / 'b.py'), None)
    assert isinstance(MODULE2PACKAGE, dict) and 'mmdet' in MODULE2PACKAGE
    (folder / 'a.py').write_text("_base_ = 'elsewhere::b.py'")
    (folder / 'b.py').write_text('one = 1')
    before = vars(Config)['_get_cfg_path']
    try:
        Config._get_cfg_path = staticmethod(lambda *_: (str(folder / 'b.py'), None))
        assert Config.fromfile(folder / 'a.py').one == 1
    finally:
        Config._get_cfg_path = before


@row('_schemes', 'get_torch_safe_globals', used_by='checkpoint/loading/patches.py')
def checkpoint_loader_has_schemes(folder: Path) -> None:
    before = dict(CheckpointLoader._schemes)
    assert {'', 'http://', 'https://'} <= set(before)
    try:
        CheckpointLoader.register_scheme('probe://', lambda name, map_location=None: name)
        assert CheckpointLoader.load_checkpoint('probe://a') == 'probe://a'
    finally:
        CheckpointLoader._schemes.clear()
        CheckpointLoader._schemes.update(before)


@row('_init_model', used_by='checkpoint/loading/patches.py')
def inferencers_build_by_this(folder: Path) -> None:
    build = inspect.unwrap(BaseInferencer._init_model)
    assert list(inspect.signature(build).parameters)[:3] == ['self', 'cfg', 'weights']
    assert 'self._init_model(cfg, weights' in inspect.getsource(BaseInferencer.__init__)


@row(
    '_before_epoch', '_after_epoch', '_before_iter', '_after_iter',
    used_by='engine/hooks/firing_rate_hook.py engine/hooks/spike_inference_hook.py',
)  # fmt: skip
def hooks_share_these_between_modes(folder: Path) -> None:
    class Modes(Hook):
        def __init__(self) -> None:
            self.calls: list[tuple[str, str]] = []

        def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
            self.calls.append(('before_epoch', mode))

        def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
            self.calls.append(('after_epoch', mode))

        def _before_iter(self, runner, batch_idx, data_batch=None, mode='train') -> None:
            self.calls.append(('before_iter', mode))

        def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='') -> None:
            self.calls.append(('after_iter', mode))

    for mode in ('val', 'test'):
        hook = Modes()
        getattr(hook, f'before_{mode}_epoch')(None)
        getattr(hook, f'before_{mode}_iter')(None, 0, None)
        getattr(hook, f'after_{mode}_iter')(None, 0, None, None)
        Hook.after_val_epoch(hook, None) if mode == 'val' else Hook.after_test_epoch(hook, None)
        points = ('before_epoch', 'before_iter', 'after_iter', 'after_epoch')
        assert hook.calls == [(point, mode) for point in points], hook.calls


@row(
    '_enable_normalize', '_channel_conversion',
    used_by='engine/hooks/reconstruction_hook.py compression/distillation/normalization.py',
)  # fmt: skip
def preprocessors_say_what_they_do(folder: Path) -> None:
    plain = ImgDataPreprocessor()
    assert not plain._enable_normalize and not plain._channel_conversion
    full = ImgDataPreprocessor(mean=[1, 2, 3], std=[1, 1, 2], bgr_to_rgb=True)
    assert full._enable_normalize and full._channel_conversion
    picture = torch.full((3, 2, 2), 5, dtype=torch.uint8)
    found = full(dict(inputs=[picture]))['inputs'][0, :, 0, 0]
    assert found.tolist() == [4, 3, 1]


@row('_locations', '_imported', used_by='__init__.py')
def a_registry_imports_its_places_when_it_is_first_asked(folder: Path) -> None:
    registry = Registry('thing', scope='test_thing', locations=['mmsfa.version'])
    assert registry._imported is False and registry._locations == ['mmsfa.version']
    registry._locations.append('mmsfa.no_such_place')
    with pytest.raises(ModuleNotFoundError, match='no_such_place'):
        registry.get('anything')
