"""Statistics of BatchNorm and of quantised membranes on two processes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from torch.multiprocessing import start_processes

from mmsfa.engine.hooks.sync_norm_stats_hook import SyncNormStatsHook
from mmsfa.neurons import UniformState


def model_of(rank: int) -> nn.Module:
    """Trained, frozen, without statistics, and synchronised already; rank 1 has other values."""
    model = nn.Sequential(
        nn.BatchNorm2d(2),
        nn.BatchNorm1d(2).eval(),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.SyncBatchNorm(2),
        UniformState(4),
        UniformState(4).eval(),
        UniformState(4, scale='batch'),
    )
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if 'running' in name:
                buffer.fill_(1 + 2 * rank)
    return model


def after_an_iteration(rank: int) -> dict[str, float]:
    model = model_of(rank)
    SyncNormStatsHook().after_train_iter(SimpleNamespace(model=model), 0)
    return {name: buffer.unique().item() for name, buffer in model.named_buffers()}


def one_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    torch.save(after_an_iteration(rank), f'{folder}/{rank}.pth')
    torch.distributed.destroy_process_group()


def test_what_was_trained_apart_is_averaged(tmp_path: Path) -> None:
    # Forked: a fresh Python could not import this module by its name.
    start_processes(one_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    for rank in (0, 1):
        found = torch.load(tmp_path / f'{rank}.pth')
        averaged = ('0.running_mean', '0.running_var', '4.running_limit')
        assert [found[name] for name in averaged] == [2, 2, 2]
        apart = {
            value for name, value in found.items() if 'running' in name and name[0] not in '04'
        }
        assert apart == {1 + 2 * rank}


def test_one_process_has_nothing_to_average() -> None:
    found = after_an_iteration(1)
    assert {value for name, value in found.items() if 'running' in name} == {3}
