"""Which channels go together, and which stay with what reason."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmsfa.compression.pruning.tracing import trace
from mmsfa.compression.pruning.units import Unit, units_of
from mmsfa.layers.fold import merge_branches
from tests.helpers.small_models import LARGE, classifier, detector, retinanet

IMAGE = torch.rand(1, 3, 64, 64, dtype=torch.float64)


def units(model: nn.Module, shared: bool = False, image: Tensor = IMAGE) -> dict[str, Unit]:
    return {unit.name: unit for unit in units_of(model, trace(model, image), shared)}


def names(members: list) -> list[str]:
    return [member.name.rpartition('3.0.')[2] for member in members]


def test_a_block_of_the_backbone() -> None:
    found = {
        name.removeprefix('backbone.stages.3.0.'): unit
        for name, unit in units(classifier()).items()
        if 'stages.3.0' in name
    }
    free = {name: unit for name, unit in found.items() if unit.reason is None}
    assert {name: (unit.width, unit.heads) for name, unit in free.items()} == {
        'sep_conv.pwconv1.conv': (64, 1),
        'attn.q_conv.conv': (32, 8),
        'attn.v_conv.conv': (128, 8),
        'mlp.fc1.conv': (128, 1),
    }
    pair = free['attn.q_conv.conv']
    assert sorted(names(pair.producers)) == ['attn.k_conv.conv', 'attn.q_conv.conv']
    assert pair.product == 'backbone.stages.3.0.attn.product' and not pair.consumers
    depthwise = free['sep_conv.pwconv1.conv']
    assert 'sep_conv.dwconv.conv' in names(depthwise.through)
    assert sorted(names(depthwise.neurons)) == [
        'sep_conv.dwconv.activate',
        'sep_conv.pwconv2.activate',
    ]


def test_widths_of_shortcuts_stay_unless_asked() -> None:
    plain, shared = units(classifier()), units(classifier(), shared=True)
    name = 'backbone.downsample_layers.3.conv'
    assert plain[name].reason == '4 layers give it together'
    assert shared[name].reason is None
    assert shared['head.fc'].reason == 'it gives an output of the model'


def test_both_forms_of_rep_conv() -> None:
    model = classifier(LARGE)
    found = units(model, shared=True)
    hidden = [name for name, unit in found.items() if 'RepConv is merged' in str(unit.reason)]
    assert len(hidden) == 5 and all(name.endswith('rep.conv1.conv') for name in hidden)
    pair = next(unit for unit in found.values() if unit.product)
    assert {name.rpartition('rep.')[2] for name in names(pair.producers)} == {'conv2.conv'}
    merge_branches(model)
    merged = units(model, shared=True)
    assert {unit.name for unit in merged.values() if unit.reason} == {'head.fc'}
    pair = next(unit for unit in merged.values() if unit.product)
    assert {name.rpartition('rep.')[2] for name in names(pair.producers)} == {'conv'}


def test_a_detector() -> None:
    found = units(detector(), shared=True)
    stay = {name for name, unit in found.items() if unit.reason}
    head = 'roi_head.bbox_head'
    assert stay == {
        'rpn_head.rpn_cls', 'rpn_head.rpn_reg', f'{head}.fc_cls', f'{head}.fc_reg',
        'roi_head.mask_head.conv_logits',
    }  # fmt: skip
    pyramid = found['neck.fpn_convs.0.conv']
    first = next(m for m in pyramid.consumers if m.name == f'{head}.shared_fcs.0')
    assert first.of == [c for c in range(64) for _ in range(49)]  # flattened 7 x 7
    assert {'roi_head.bbox_roi_extractor', 'roi_head.mask_roi_extractor'} < {
        member.name for member in pyramid.through
    }
    assert f'{head}.fc_norms.0' in {m.name for m in found[f'{head}.shared_fcs.0'].through}


def test_mmdets_own_resnet() -> None:
    found = units(retinanet(spiking=False))
    assert found['backbone.layer1.0.conv1'].reason is None
    assert found['backbone.conv1'].reason == '3 layers give it together'
    assert not any(unit.neurons for unit in found.values())


class Odd(nn.Module):
    """Layers whose channels cannot go one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.normed, self.norm = nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8)
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        self.shuffled, self.last = nn.Conv2d(8, 12, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shuffled(self.grouped(self.norm(self.normed(x))))
        return self.last(x.unflatten(1, (3, 4)).sum(1))


def test_what_cannot_be_pruned_is_named() -> None:
    found = units(Odd(), image=torch.rand(1, 3, 4, 4))
    words = 'does not treat each channel by itself'
    assert found['normed'].reason == f'norm (GroupNorm) {words}'
    assert found['grouped'].reason == f'grouped (Conv2d) {words}'
    assert found['shuffled'].reason == 'its channels cannot be followed to last'
