"""Where the weights of a training come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mmsfa.compression.quantization import packed_state_dict, quantize
from mmsfa.compression.quantization.packing import PackedWeightError
from mmsfa.engine import PretrainedNoticeHook
from mmsfa.errors import OptionError
from tests.helpers.spiking_runs import Net, runner


@pytest.mark.parametrize(
    ('init_cfg', 'load_from', 'expected'),
    [
        (None, None, None),
        (dict(type='Kaiming', layer='Conv2d'), None, None),
        (dict(type='Pretrained', checkpoint='a.pth'), None, 'a.pth'),
        ([dict(type='Pretrained', checkpoint='a.pth')], None, 'a.pth'),
        (None, 'b.pth', 'load_from=b.pth'),
    ],
)
def test_the_notice_says_where_weights_come_from(
    tmp_path: Path, init_cfg: object, load_from: str | None, expected: str | None
) -> None:
    model = Net()
    model.backbone.init_cfg = init_cfg
    run = runner(tmp_path / 'run', model)
    run._load_from = load_from
    hook = PretrainedNoticeHook()
    source = hook._source(run, model.backbone)
    assert source is None if expected is None else expected in source


def test_scratch_is_said_once(tmp_path: Path) -> None:
    runner(tmp_path / 'run', Net()).train()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert log.read_text().count('Training starts from scratch') == 1


@pytest.mark.parametrize(
    ('settings', 'load_from', 'said'),
    [
        (dict(frozen_stages=2), None, 'frozen_stages=2 of the backbone'),
        (dict(frozen_stages=0, norm_eval=True), None, 'frozen_stages=0 and norm_eval=True of'),
        (dict(frozen_stages=-1, norm_eval=False), None, None),
        (dict(frozen_stages=2), 'b.pth', None),
    ],
)
def test_parts_that_stay_random_are_said(
    tmp_path: Path, settings: dict, load_from: str | None, said: str | None
) -> None:
    model = Net()
    for name, value in settings.items():
        setattr(model.backbone, name, value)
    run = runner(tmp_path / 'run', model)
    run._load_from = load_from
    PretrainedNoticeHook().before_train(run)
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert log.read_text().count('keep random weights') == bool(said)
    assert (said or '') in log.read_text()


def test_packed_weights_and_those_of_other_layers_are_said(tmp_path: Path) -> None:
    class Owner:
        model, _train_loop, _load_from = nn.Sequential(nn.Linear(6, 4)), None, 'quantised.pth'

    quantised = quantize(nn.Sequential(nn.Linear(6, 4)), dict(default=4, stem=4))
    state = quantised.state_dict()
    with pytest.warns(UserWarning, match=r"trained with quantizer='UniformQuantizer', bits=4"):
        PretrainedNoticeHook().after_load_checkpoint(Owner(), dict(state_dict=state))
    packed = packed_state_dict(state, quantised)
    with pytest.raises(PackedWeightError, match='packed weights for 0, which is not quantised'):
        PretrainedNoticeHook().after_load_checkpoint(Owner(), dict(state_dict=packed))


def test_a_packed_file_is_no_start_of_an_ordinary_backbone(tmp_path: Path) -> None:
    quantised = quantize(nn.Sequential(nn.Linear(6, 4)), dict(default=4, stem=4))
    packed = packed_state_dict(quantised.state_dict(), quantised)
    file = tmp_path / 'packed.safetensors'
    save_file({f'backbone.{key}': value for key, value in packed.items()}, file)

    def backbone(model: nn.Sequential) -> nn.Sequential:
        model.init_cfg = dict(type='Pretrained', checkpoint=str(file), prefix='backbone.')
        return model

    class Owner:
        model, iter, _load_from = backbone(nn.Sequential(nn.Linear(6, 4))), 0, None

    with pytest.raises(PackedWeightError, match='packed weights for 0, which is not quantised'):
        PretrainedNoticeHook().before_train(Owner())
    Owner.model = backbone(quantised)
    PretrainedNoticeHook().before_train(Owner())


@pytest.mark.parametrize('trains', [True, False])
def test_a_test_needs_all_weights_and_a_training_does_not(tmp_path: Path, trains: bool) -> None:
    """mmengine only prints which weights it left out, and goes on with random ones."""
    state = {**Net().state_dict(), 'weight': torch.ones(3)}
    run = runner(tmp_path / 'run', Net())
    run._load_from = str(tmp_path / 'other.pth')
    torch.save(dict(state_dict=state, meta={}), run._load_from)
    if trains:
        run.train()
        return
    with pytest.raises(OptionError, match=r'other\.pth does not belong .* has weight in another'):
        run.test()
