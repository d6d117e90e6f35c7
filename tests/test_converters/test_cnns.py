"""Published names of Q-SNN's and QP-SNN's networks, all of them, become ours."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmsfa.converters import convert_cnn
from tests.helpers.quantized_cnns import resnet, vgg
from tests.helpers.seeds import seeds


@pytest.mark.parametrize(
    'name', ['qsnn_model/res_1w8u', 'qsnn_model/res_1w2u', 'qpsnn_model/vgg_b4']
)
def test_every_published_name_has_its_place(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    model = resnet(case.config) if name.startswith('qsnn') else vgg(case.config)
    tensors = {f'module.{key}': torch.tensor(array) for key, array in case.state().items()}
    aliases = case.meta['state']['aliases']
    assert aliases  # the release saves the same tensors under these names, too
    tensors |= {f'module.{alias}': torch.zeros(1) for alias in aliases}
    found, leftover = convert_cnn(tensors)
    wanted = model.state_dict()
    assert not leftover and set(found) == set(wanted)
    assert all(found[key].shape == wanted[key].shape for key in wanted)


def test_what_no_rule_knows_is_named() -> None:
    assert convert_cnn({'fc2.weight': torch.zeros(1)}) == ({}, ['fc2.weight'])
