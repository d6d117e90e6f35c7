"""Who names bad samples, and when there are too many."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger
from torch.multiprocessing import start_processes

from mmsfa.data_check import Fault
from mmsfa.data_check.fault import DataFaultError
from mmsfa.engine.loader.fault_log import FaultLog


def one_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    MMLogger.get_instance('named', log_file=f'{folder}/named.log')  # of the first rank
    faults = FaultLog(100, 0.02)
    for _ in range(2):
        faults.add([Fault(f'{rank}.png', 'missing')])
        faults.sum_up()
    torch.distributed.destroy_process_group()


def test_the_first_rank_names_what_others_met(tmp_path: Path) -> None:
    # Forked: a fresh Python could not import this module by its name.
    start_processes(one_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    log = (tmp_path / 'named.log').read_text()
    assert log.count('Bad sample: 0.png') == log.count('Bad sample: 1.png') == 1
    assert log.count('2 bad samples so far (2.00% of 100') == 2


def test_the_share_itself_is_allowed_and_a_file_counts_once() -> None:
    log = FaultLog(size=10, max_share=0.2)
    log.add([Fault('a.png', 'missing')])
    log.add([Fault('a.png', 'missing'), Fault('b.png', 'empty')])
    log.sum_up()
    assert list(log.known) == ['a.png', 'b.png']
    with pytest.raises(DataFaultError) as stopped:
        log.add([Fault('c.png', 'missing')])
    first, *listed = str(stopped.value).splitlines()
    assert first.startswith('3 of 10 samples are bad, more than the allowed 20.00%: mend them')
    assert listed == ['  a.png: missing', '  b.png: empty', '  c.png: missing']
    with pytest.raises(DataFaultError):  # also when the ranks put theirs together
        log.sum_up()


@pytest.mark.parametrize('share', [-0.1, 1.5, '5%', None])
def test_a_share_is_a_part_of_one(share: object) -> None:
    with pytest.raises(ValueError, match=f'between 0 and 1, got {share!r}'):
        FaultLog(10, share)
