"""Training keeps spikes as bytes, and nothing of what it learns changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmsfa.config.scopes import set_loader_defaults
from mmsfa.config.top_level_options import merge_options
from mmsfa.engine import SpikesAsBytesHook
from mmsfa.neurons.functional import stored_spikes
from tests.helpers.spiking_runs import Net, runner

DET = 'configs/det/mask_rcnn_esf_demo.py'


def trained(cfg: Config, hook: bool, folder: Path) -> tuple[dict[str, Tensor], int]:
    """The weights after two steps, and how many tensors were kept as bytes; on by default."""
    cfg = Config(cfg.to_dict())
    cfg.work_dir = str(folder)
    assert cfg.default_hooks.spikes_as_bytes == dict(type='SpikesAsBytesHook')
    if not hook:
        del cfg.default_hooks.spikes_as_bytes
    run, pack, found = Runner.from_cfg(cfg), stored_spikes._pack, 0

    def count(tensor: Tensor) -> object:
        nonlocal found
        packed = pack(tensor)
        found += isinstance(packed, stored_spikes._Part)
        return packed

    stored_spikes._pack = count
    try:
        run.train()
    finally:
        stored_spikes._pack = pack
    return run.model.state_dict(), found


@pytest.mark.slow
def test_a_whole_detector_learns_the_same(repo_dir: Path, shapes_dir: Path, tmp_path: Path) -> None:
    """Backbone, neck and all heads, mmdet's own layers among them."""
    cfg = Config.fromfile(repo_dir / DET)
    merge_options(cfg, dict(data_root=str(shapes_dir)))
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=2)
    cfg.param_scheduler = cfg.default_hooks.checkpoint = None
    for split in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{split}_{part}'] = None
    set_loader_defaults(cfg)
    plain, none = trained(cfg, False, tmp_path / 'plain')
    lean, many = trained(cfg, True, tmp_path / 'lean')
    assert none == 0 and many > 100
    assert all(torch.equal(plain[name], value) for name, value in lean.items())


def test_it_ends_with_the_step(tmp_path: Path) -> None:
    class Noting(SpikesAsBytesHook):
        seen: list[bool] = []

        def after_train_iter(self, *args: object, **kwargs: object) -> None:
            self.seen.append(stored_spikes.are_stored())
            super().after_train_iter(*args, **kwargs)
            self.seen.append(stored_spikes.are_stored())

    run = runner(tmp_path / 'run', Net())
    run.register_hook(Noting())
    run.train()
    assert Noting.seen and Noting.seen[::2] == [True] * len(Noting.seen[::2])
    assert not any(Noting.seen[1::2]) and not stored_spikes.are_stored()


class Breaks(Net):
    """Its second training step breaks."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error, self.steps = error, 0

    def train_step(self, *args: object) -> dict:
        self.steps += 1
        assert stored_spikes.are_stored()
        if self.steps == 2:
            raise self.error
        return super().train_step(*args)


class Worse(Hook):
    """Raises something else when a step breaks, as NumericsHook does."""

    priority = 'HIGH'

    def after_failed_iter(self, runner: Runner, error: BaseException) -> None:
        raise RuntimeError('worse')


@pytest.mark.parametrize('error', [KeyError('bug'), KeyboardInterrupt()])
def test_a_step_that_breaks_leaves_nothing_open(tmp_path: Path, error: BaseException) -> None:
    run = runner(tmp_path / 'run', Breaks(error))
    run._train_loop = dict(type='ResumableEpochBasedTrainLoop', max_epochs=1)
    run.register_hook(Worse())
    run.register_hook(SpikesAsBytesHook())
    with pytest.raises(RuntimeError, match='worse'):
        run.train()
    assert not stored_spikes.are_stored()


def test_in_other_loops_it_ends_with_the_next_step_or_validation() -> None:
    hook = SpikesAsBytesHook()
    hook.before_train_iter(None, 0)
    hook.before_train_iter(None, 1)  # after an error that somebody caught
    assert stored_spikes.are_stored()
    hook.before_val(None)
    assert not stored_spikes.are_stored()


def test_twice_is_once(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', Net())
    run.register_hook(SpikesAsBytesHook())
    run.register_hook(SpikesAsBytesHook())
    run.train()
    assert not stored_spikes.are_stored()


def test_it_steps_aside_where_the_step_is_compiled(
    tmp_path: Path,
) -> None:
    class Looks(Net):
        def forward(self, *args: object, **kwargs: object) -> object:
            if self.training:
                assert not stored_spikes._active.get()
            return super().forward(*args, **kwargs)

    run = runner(tmp_path / 'run', Looks())
    run.cfg.compile = dict(backend='eager')
    run.register_hook(SpikesAsBytesHook())
    run.train()
    assert 'SpikesAsBytesHook steps aside' in (next(tmp_path.rglob('*.log'))).read_text()
