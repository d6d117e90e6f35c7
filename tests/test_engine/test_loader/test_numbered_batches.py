"""Workers of a training that was killed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset, get_worker_info

from mmsfa.engine.loader import ResumableDataLoader

KILLED = """
import os, signal, time
import numpy as np
from torch.utils.data import DataLoader
from mmsfa.engine.loader import ResumableDataLoader

class Data:
    def __len__(self):
        return 20
    def __getitem__(self, index):
        return np.zeros(1 << 20)  # more than a pipe holds

plain = DataLoader(Data(), 2, num_workers=2, collate_fn=list)
batches = iter(ResumableDataLoader(plain, 5))
next(batches)
time.sleep(1)  # both workers have more to hand over
print('killed', flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_they_end_with_it(run_python: Callable, tmp_path: Path) -> None:
    script = tmp_path / 'killed.py'
    script.write_text(KILLED)
    done = run_python(script, timeout=120)  # the output ends when the last worker has closed it
    assert done.returncode == -signal.SIGKILL and done.stdout == 'killed\n', done.stderr


def note_its_number(worker_id: int) -> None:
    get_worker_info().dataset.tensors[0].fill_(worker_id)


def test_the_function_of_the_config_is_called_too() -> None:
    plain = DataLoader(
        TensorDataset(torch.zeros(4)), 2, num_workers=2, worker_init_fn=note_its_number
    )
    found = [batch[0].tolist() for batch in ResumableDataLoader(plain, 5)]
    assert found == [[0, 0], [1, 1]]
