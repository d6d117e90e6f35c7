"""The convolution stages through NIR and back: the same spikes, or a refusal by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nir
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmsfa.export.nir.check import compare_spikes, spikes_of_graph, spikes_of_model
from mmsfa.export.nir.export import export_nir
from mmsfa.export.nir.network import NirNetwork
from mmsfa.export.nir.primitives import NirError, plain_convolution
from tests.helpers.lively import learned_scales
from tests.helpers.nir_backbones import SHAPE, build, picture

Fill = Callable[[nn.Module], nn.Module]


def round_trip(graph: nir.NIRGraph, path: Path) -> NirNetwork:
    """Through a file, as any other reader gets it: with the type check of nir."""
    nir.write(path, graph)
    return NirNetwork(nir.read(path))


@pytest.mark.slow
@pytest.mark.parametrize(
    'neuron',
    [
        dict(rounding='half_even'),
        dict(rounding='half_up'),
        dict(D=3, norm=1),
        dict(D=2, norm=5.0, rounding='half_up'),
    ],
)
def test_every_spike_survives_the_round_trip(
    repo_dir: Path, lively_weights: Fill, tmp_path: Path, neuron: dict
) -> None:
    backbone = lively_weights(build(repo_dir, neuron)).double()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    network = round_trip(export_nir(backbone, SHAPE), tmp_path / 'x.nir')
    agreement = compare_spikes(backbone, network, picture())
    assert len(agreement.spikes) == 22 and min(agreement.spikes.values()) > 100
    assert set(agreement.different.values()) == {0}
    assert agreement.largest_error < 1e-12
    assert all(torch.equal(before[n], v) for n, v in backbone.state_dict().items())
    banks = [node for node in network.graph.nodes.values() if isinstance(node, nir.IF)]
    fired = backbone.downsample_layers[1].activate
    for node in banks:
        assert node.metadata['D'] == fired.D and node.metadata['norm'] == fired.norm
        assert node.metadata['rounding'] == fired.rounding
        assert node.v_threshold.dtype == np.float64


def test_the_large_family_too(repo_dir: Path, lively_weights: Fill, tmp_path: Path) -> None:
    arch = dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 1))
    backbone = lively_weights(build(repo_dir, arch=arch, neuron_cfg=None)).double()
    network = round_trip(export_nir(backbone, SHAPE), tmp_path / 'x.nir')
    agreement = compare_spikes(backbone, network, picture())
    assert len(agreement.spikes) == 8 and min(agreement.spikes.values()) > 100
    assert set(agreement.different.values()) == {0}


@pytest.mark.parametrize('height', [dict(scale='learned'), dict(threshold=dict(type='AFT'))])
def test_learned_scales_are_exported(
    repo_dir: Path, lively_weights: Fill, tmp_path: Path, height: dict
) -> None:
    backbone = lively_weights(build(repo_dir, height)).double()
    learned_scales(backbone)
    network = round_trip(export_nir(backbone, SHAPE), tmp_path / 'x.nir')
    agreement = compare_spikes(backbone, network, picture())
    assert min(agreement.spikes.values()) > 100
    assert set(agreement.different.values()) == {0}


@pytest.mark.slow
@pytest.mark.parametrize('rounding', ['half_even', 'half_up'])
@pytest.mark.parametrize('keep_groups', [False, True])
def test_ties_are_broken_as_the_model_breaks_them(
    repo_dir: Path, make_exact: Fill, tmp_path: Path, rounding: str, keep_groups: bool
) -> None:
    backbone = make_exact(build(repo_dir, dict(rounding=rounding)))
    x = picture(torch.float32)
    nir.write(tmp_path / 'x.nir', export_nir(backbone, SHAPE, keep_groups=keep_groups))
    network = NirNetwork(tmp_path / 'x.nir')
    agreement = compare_spikes(backbone, network, x)
    assert set(agreement.different.values()) == {0} and agreement.largest_error == 0

    other = {'half_even': 'half_up', 'half_up': 'half_even'}[rounding]
    swapped = build(repo_dir, dict(rounding=other))
    swapped.load_state_dict(backbone.state_dict())
    # The picture has ties, so the test above can fail.
    differing = compare_spikes(swapped, network, x)
    assert sum(differing.different.values()) > 100


@pytest.mark.slow
def test_another_simulator_agrees(repo_dir: Path, make_exact: Fill, tmp_path: Path) -> None:
    """SpikingJelly compares with >= and knows no groups."""
    exchange = pytest.importorskip('spikingjelly.activation_based.nir_exchange')
    for rounding in ('half_even', 'half_up'):
        backbone = make_exact(build(repo_dir, dict(rounding=rounding)))
        nir.write(tmp_path / 'x.nir', export_nir(backbone, SHAPE))
        theirs = exchange.import_from_nir(tmp_path / 'x.nir', dt=1.0)
        x = picture(torch.float32)
        with torch.no_grad():
            out, _ = theirs(x)
        _, expected = spikes_of_model(backbone, x, stages=3)
        assert torch.equal(out, expected)


def test_geometry_is_carried(repo_dir: Path) -> None:
    backbone = build(repo_dir)
    graph = export_nir(backbone, SHAPE, keep_groups=True)
    convs = dict(backbone.named_modules())
    names = [n for n, node in graph.nodes.items() if n in convs and isinstance(node, nir.Conv2d)]
    assert len(names) == 23
    for name in names:
        conv, node = convs[name], graph.nodes[name]
        for part in ('stride', 'padding', 'dilation'):
            assert tuple(getattr(node, part)) == getattr(conv, part)
        assert node.groups == conv.groups and node.weight.shape[2:] == conv.kernel_size
    dense = export_nir(backbone, SHAPE)
    name = 'stages.0.0.sep_conv.dwconv.conv'
    assert dense.nodes[name].groups == 1 and dense.nodes[name].metadata['groups'] == 24
    assert dense.nodes[name].weight.shape == (24, 24 * 4, 7, 7)
    assert np.count_nonzero(dense.nodes[name].weight) == 24 * 4 * 49
    assert tuple(graph.nodes['output'].output_type['output']) == (48, 3, 4)


def test_the_stages_before_the_attention_are_the_default(
    repo_dir: Path, lively_weights: Fill
) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(1, 3))).double()
    assert export_nir(backbone, SHAPE).metadata['stages'] == 3
    network = NirNetwork(export_nir(backbone, SHAPE, stages=2))
    agreement = compare_spikes(backbone, network, picture())
    assert len(agreement.spikes) == 11
    assert set(agreement.different.values()) == {0} and agreement.largest_error < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize('keep_groups', [False, True])
@pytest.mark.parametrize('stages', [1, 2, 3])
def test_the_last_node_norms_the_map_if_the_backbone_does(
    repo_dir: Path, lively_weights: Fill, tmp_path: Path, stages: int, keep_groups: bool
) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(0, 2), out_norm=True)).double()
    nir.write(tmp_path / 'x.nir', export_nir(backbone, SHAPE, stages, keep_groups))
    network = NirNetwork(tmp_path / 'x.nir')
    agreement = compare_spikes(backbone, network, picture())
    assert set(agreement.different.values()) == {0} and agreement.same_map
    _, out = spikes_of_graph(network, picture())
    last = network.graph.nodes[f'stages.{stages - 1}.sum']
    if stages == 2:  # no map that is returned, hence no norm
        assert (last.weight[last.weight != 0] == 1).all() and not last.bias.any()
        return
    with torch.no_grad():
        returned = backbone(picture())[stages // 2]
    torch.testing.assert_close(out, returned, rtol=0, atol=1e-11)
    assert last.weight.dtype == last.bias.dtype == np.float64 and last.bias.all()


def test_a_norm_of_another_kind_behind_the_map_is_refused(repo_dir: Path) -> None:
    backbone = build(repo_dir, out_norm=True)
    backbone.out_norms['2'] = nn.GroupNorm(2, 48).eval()
    with pytest.raises(NirError, match=r'out_norms\.2 is a GroupNorm'):
        export_nir(backbone, SHAPE)
    export_nir(backbone, SHAPE, stages=2)


def test_a_short_backbone_is_exported_whole(repo_dir: Path, lively_weights: Fill) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(0,))).double()
    agreement = compare_spikes(backbone, NirNetwork(export_nir(backbone, SHAPE)), picture())
    assert len(agreement.spikes) == 5 and set(agreement.different.values()) == {0}


class SignConv(nn.Conv2d):
    """Multiplies with the signs of its weights, and says so."""

    weight_bits = 1

    def effective_weight(self) -> Tensor:
        return torch.where(self.weight < 0, -1.0, 1.0).to(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


class SecretConv(nn.Conv2d):
    """The same, untold."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight.sign(), self.bias)


def test_a_quantised_convolution_is_exported_with_its_effective_weight(
    repo_dir: Path, lively_weights: Fill
) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(0,)))
    brick = backbone.stages[0][0].conv1
    brick.conv = SignConv(12, 48, 3, padding=1, bias=False)
    backbone = backbone.eval().double()
    agreement = compare_spikes(backbone, NirNetwork(export_nir(backbone, SHAPE)), picture())
    assert len(agreement.spikes) == 5 and set(agreement.different.values()) == {0}
    weight = plain_convolution('conv1.conv', brick.conv).weight
    assert set(weight.unique().tolist()) == {-1.0, 1.0}


def secret(backbone: nn.Module) -> None:
    backbone.stages[0][0].conv1.conv = SecretConv(12, 48, 3, padding=1, bias=False).eval()


def rectangular(backbone: nn.Module) -> None:
    backbone.stages[0][0].conv1.conv = nn.Conv2d(12, 48, (1, 3), padding=(0, 1)).eval()


def reflecting(backbone: nn.Module) -> None:
    backbone.downsample_layers[0].conv.padding_mode = 'reflect'


@pytest.mark.parametrize(
    ('options', 'arguments', 'expected'),
    [
        (dict(out_indices=(4,)), dict(stages=4), r'SpikeDrivenSelfAttention in stages\.3\.0\.attn'),
        (dict(), dict(stages=4), r'must lie in 1\.\.3'),
        (dict(neuron_cfg=dict(type='ReLU')), dict(), r'pwconv1\.activate is a ReLU'),
        (dict(neuron=dict(T=2)), dict(), r'pwconv1\.activate runs over T=2'),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), dict(), r'layers\.0 has a GroupNorm'),
        (dict(change=secret), dict(), r'conv1\.conv is a SecretConv, which NIR has no node for'),
        (dict(change=rectangular), dict(), r'conv1\.conv has a kernel of \(1, 3\)'),
        (dict(change=reflecting), dict(), r"layers\.0\.conv pads with 'reflect'"),
        (dict(change=nn.Module.half), dict(), r'float16: call \.double\(\)'),
        (dict(), dict(input_shape=(1, 32, 32)), r'must be \(3, H, W\)'),
    ],
)
def test_what_nir_cannot_say_is_refused_by_name(
    repo_dir: Path, options: dict, arguments: dict, expected: str
) -> None:
    options = dict(options)
    change = options.pop('change', lambda backbone: None)
    backbone = build(repo_dir, **options)
    change(backbone)
    with pytest.raises(NirError, match=expected):
        export_nir(backbone, **{'input_shape': SHAPE, **arguments})


def test_only_the_backbone_in_evaluation_mode(repo_dir: Path) -> None:
    with pytest.raises(NirError, match='got Linear'):
        export_nir(nn.Linear(2, 2), SHAPE)
    with pytest.raises(ValueError, match='training mode'):
        export_nir(build(repo_dir).train(), SHAPE)
