"""Which loader a training loop gets, and which labels it lets through."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmdet.models import RPN
from torch import nn
from torch.utils.data import DataLoader

from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.loops.resumable_loader_of import go_on, labels_of, resumable_loader_of
from tests.helpers.toy_training import toy_runner


def test_labels_of_detectors_that_read_words_are_left_alone() -> None:
    model = torch.nn.Module()
    model.bbox_head = torch.nn.Module()
    model.bbox_head.num_classes = 256  # tokens
    assert labels_of(model) == (256, 255)
    model.language_model = torch.nn.Module()
    assert labels_of(model) is None


def test_a_network_of_proposals_takes_every_class() -> None:
    """Its head has one class, and its loss makes every label that class."""
    network = RPN.__new__(RPN)
    nn.Module.__init__(network)
    network.bbox_head = nn.Identity()
    network.bbox_head.num_classes = 1
    assert labels_of(network) is None
    network.__class__ = nn.Module
    assert labels_of(network) == (1, 255)


def test_a_head_says_which_value_its_loss_leaves_out() -> None:
    model = nn.Module()
    assert labels_of(model) is None
    model.decode_head = nn.Module()
    model.decode_head.num_classes, model.decode_head.ignore_index = 6, 0
    assert labels_of(model) == (6, 0)


@pytest.mark.parametrize(
    ('randomness', 'seed'), [(dict(seed=7), 7), (dict(seed=7, diff_rank_seed=True), 6)]
)
def test_all_ranks_draw_from_one_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, randomness: dict, seed: int
) -> None:
    """With `diff_rank_seed` mmengine has added the rank to the seed of the run."""
    monkeypatch.setattr('mmsfa.engine.loops.resumable_loader_of.get_rank', lambda: 1)
    run = toy_runner(tmp_path, randomness=randomness)
    loader = resumable_loader_of(run, run._train_dataloader, max_bad_share=0.5, endless=True)
    assert isinstance(loader, ResumableDataLoader) and len(loader) == 2
    assert loader.fetcher.seed == seed and loader.faults.max_share == 0.5
    assert loader.batch_sampler.endless and loader.fetcher.labels is None
    built = DataLoader([1, 2, 3])
    assert resumable_loader_of(run, built).dataset is built.dataset


def test_it_goes_on_with_the_seeds_of_the_checkpoint(tmp_path: Path) -> None:
    run = toy_runner(tmp_path, randomness=dict(seed=7))
    loader = resumable_loader_of(run, run._train_dataloader)
    assert go_on(loader, dict(position=3)) and loader.seeds() == dict(seed=7, sampler_seed=7)
    stored = dict(seed=70, sampler_seed=71)
    assert go_on(loader, stored) and loader.seeds() == stored
    assert not go_on(DataLoader([1, 2]), stored)
    (log,) = tmp_path.glob('*/*.log')
    assert log.read_text().count('they begin anew, and the result will not be that of an') == 1
