"""Several processes on a machine without a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmsfa.config.cpu_processes import use_gloo_without_gpu
from mmsfa.errors import OptionError

on_cpus = pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without GPU')


def test_one_process_needs_no_group() -> None:
    for cfg in (Config(), Config(dict(launcher='none', env_cfg=dict(cudnn_benchmark=True)))):
        before = cfg.to_dict()
        use_gloo_without_gpu(cfg)
        assert cfg.to_dict() == before and not dist.is_initialized()


def test_a_launcher_must_have_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(OptionError, match='no launcher has started this process: use tools/dist'):
        use_gloo_without_gpu(Config(dict(launcher='pytorch')))
    assert not dist.is_initialized()


@on_cpus
def test_other_launchers_need_gpus() -> None:
    with pytest.raises(OptionError, match='--launcher slurm needs GPUs, and torch finds none'):
        use_gloo_without_gpu(Config(dict(launcher='slurm')))


@pytest.fixture
def only_rank(monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> Iterator[None]:
    """What torchrun tells the only process of a group."""
    for name, value in dict(RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1').items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv('MASTER_PORT', str(free_port()))
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


@on_cpus
def test_the_config_says_gloo_though_it_said_nothing(only_rank: None) -> None:
    cfg = Config(dict(launcher='pytorch'))
    use_gloo_without_gpu(cfg)
    assert dist.get_backend() == cfg.env_cfg.dist_cfg.backend == 'gloo'


@on_cpus
def test_a_group_of_cpus_talks_through_gloo(only_rank: None) -> None:
    env_cfg = dict(dist_cfg=dict(backend='nccl'))
    cfg = Config(dict(launcher='pytorch', env_cfg=env_cfg, find_unused_parameters=True))
    use_gloo_without_gpu(cfg)
    assert dist.get_backend() == cfg.env_cfg.dist_cfg.backend == 'gloo'
    model = nn.Linear(2, 1)
    settings = dict(cfg.model_wrapper_cfg, module=model, device_ids=[0])  # as the runner adds it
    parallel = MODEL_WRAPPERS.build(settings)
    parallel(torch.ones(1, 2)).sum().backward()
    assert parallel.module is model and torch.equal(model.weight.grad, torch.ones(1, 2))
    assert parallel.find_unused_parameters and not parallel.broadcast_buffers


@on_cpus
def test_a_wrapper_of_ones_own_stays(only_rank: None) -> None:
    own = dict(type='Mine')
    cfg = Config(dict(launcher='pytorch', model_wrapper_cfg=own))
    use_gloo_without_gpu(cfg)
    assert cfg.model_wrapper_cfg == own and dist.get_backend() == 'gloo'
