"""The ANN twin: the same network without spikes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.errors import OptionError
from mmsfa.neurons import SpikingNeuron


def number_of(model: nn.Module, kind: type) -> int:
    return sum(isinstance(module, kind) for module in model.modules())


@pytest.mark.parametrize(
    ('name', 'ordinary'),
    [
        ('det/mask_rcnn_esf_demo.py', {'neck': 'FPN', 'rpn_head': 'RPNHead'}),
        ('seg/upernet_esf_demo.py', {'decode_head': 'UPerHead', 'auxiliary_head': 'FCNHead'}),
        ('cls/esf_tiny_flowers5.py', {'head': 'LinearClsHead'}),
    ],
)
def test_same_weights_no_spikes(repo_dir: Path, name: str, ordinary: dict[str, str]) -> None:
    cfg = Config.fromfile(repo_dir / 'configs' / name)
    init_default_scope(cfg.default_scope)
    spiking = MODELS.build(cfg.model)
    to_ann_twin(cfg)
    twin = MODELS.build(cfg.model)
    for part in ('backbone', *ordinary):
        readouts_only = part == 'head'  # of a classifier: it reads potentials and has no neuron
        assert (number_of(getattr(spiking, part), SpikingNeuron) > 0) != readouts_only
    assert number_of(twin, SpikingNeuron) == 0
    assert number_of(twin.backbone, nn.ReLU) == number_of(spiking.backbone, SpikingNeuron)
    # strict: the same names and shapes, but for the norms that mmdet's box heads do not have
    weights = {k: v for k, v in spiking.state_dict().items() if '.fc_norms.' not in k}
    twin.load_state_dict(weights)
    for part, kind in ordinary.items():
        assert type(getattr(twin, part)).__name__ == kind


def test_a_type_may_be_a_class(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/seg/upernet_esf_demo.py')
    cfg.model.backbone.type = ESpikeFormer
    to_ann_twin(cfg)
    assert cfg.model.backbone.neuron_cfg.type == 'ReLU'


def test_the_legacy_option_of_the_neck_goes_too(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.model.neck.legacy_eval_clip = True
    cfg.model.roi_head.bbox_head.analog = ('fc_cls',)
    assert cfg.model.roi_head.bbox_head.fc_norm_cfg
    to_ann_twin(cfg)
    assert not {'neuron_cfg', 'legacy_eval_clip'} & set(cfg.model.neck)
    own = {'neuron_cfg', 'analog', 'fc_norm_cfg'}
    assert not own & set(cfg.model.roi_head.bbox_head)


def test_a_network_of_spike_times_has_none(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/dvs/ttfs_nmnist.py')
    with pytest.raises(OptionError, match='has no ANN twin'):
        to_ann_twin(cfg)
