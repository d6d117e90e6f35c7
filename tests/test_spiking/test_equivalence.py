"""The comparison finds what differs, and the tool says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmdet.models.layers import NormedLinear
from mmengine.config import Config
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.neurons import SFA, base
from mmsfa.spiking import compare, in_float64
from mmsfa.spiking.inference import spike_driven_pass
from tests.helpers.lively import learned_scales

CLS = 'configs/cls/esf_tiny_flowers5.py'
Fill = Callable[[nn.Module], nn.Module]


@pytest.fixture
def classifier(repo_dir: Path, lively_weights: Fill) -> nn.Module:
    return lively_weights(build_model(Config.fromfile(repo_dir / CLS)))


def pictures(num: int = 1) -> list[dict]:
    draw = torch.Generator().manual_seed(0)
    size = (3, 48, 48)
    return [
        dict(inputs=[torch.randint(256, size, generator=draw)], data_samples=None)
        for _ in range(num)
    ]


def test_a_wrong_accumulation_is_found(
    classifier: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spike that gets lost on its way: the proof must not hold any more."""

    def leaky(counts: torch.Tensor, D: int, lowest: int) -> torch.Tensor:
        spikes = torch.stack([(counts > step).to(counts.dtype) for step in range(D)])
        spikes[-1].flatten()[:1] = 0
        spikes[0].flatten()[:1] = 0
        return spikes

    monkeypatch.setattr(base, 'spike_train', leaky)
    with in_float64(classifier):
        found = compare(classifier, pictures())
    assert not found.identical
    wrong = [layer for layer in found.layers if layer.flipped]
    assert wrong and all(0 < layer.share <= 1 and layer.largest >= 1 for layer in wrong)


def test_a_layer_that_normalises_what_it_gets_reads_counts(
    classifier: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added up spike by spike it would give other scores, with every count and label the same."""
    width, classes = classifier.head.fc.in_features, classifier.head.fc.out_features
    classifier.head.fc = nn.Sequential(SFA(), NormedLinear(width, classes)).eval()
    with in_float64(classifier):
        found = compare(classifier, pictures())
        assert found.identical and found.analog['head.fc.1'] == 'counts'
        monkeypatch.setattr(spike_driven_pass, 'same_but_for_rounding', lambda *_args: True)
        wrong = compare(classifier, pictures())
    assert not any(layer.flipped for layer in wrong.layers)
    assert not wrong.identical and wrong.predictions.largest['scores'] > 1e-3


def test_what_never_ran_is_named(classifier: nn.Module) -> None:
    classifier.head.spare = nn.Sequential(SFA(), nn.Linear(2, 2)).eval()
    found = compare(classifier, pictures())
    assert found.not_run == ['head.spare.0', 'head.spare.1'] == found.asdict()['not_run']


@pytest.mark.slow
@pytest.mark.parametrize('height', [dict(scale='learned'), dict(threshold=dict(type='AFT'))])
def test_learned_scales_are_proved(repo_dir: Path, lively_weights: Fill, height: dict) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    cfg.model.backbone.neuron_cfg.update(height)
    cfg.model.head.update(neuron_cfg=dict(type='mmpretrain.SFA', **height), analog=())
    model = learned_scales(lively_weights(build_model(cfg)))
    with in_float64(model):
        found = compare(model, pictures())
    assert found.identical and not found.uncounted and not found.not_run


def test_approximations_are_told_apart(classifier: nn.Module) -> None:
    for mode in ('stepwise_attention', 'membrane'):
        found = compare(classifier, pictures(2), mode)
        assert found.pictures == 2 and found.predictions.total == 2
        assert not found.identical and found.asdict()['identical'] is False
        json.dumps(found.asdict())


def test_nothing_is_no_proof(classifier: nn.Module) -> None:
    assert not compare(classifier, []).identical


def test_first_layers_hardly_flip_in_float32(classifier: nn.Module) -> None:
    found = compare(classifier, pictures(2))
    first = [layer for layer in found.layers if 'stages.0' in layer.name]
    assert sum(layer.counts for layer in first) > 1e4
    assert sum(layer.flipped for layer in first) <= 1e-5 * sum(layer.counts for layer in first)


def test_the_tool_proves_and_writes(
    call_tool, repo_dir: Path, shared_data, tmp_path: Path, classifier: nn.Module, monkeypatch
) -> None:
    checkpoint, out = tmp_path / 'weights.pth', tmp_path / 'found.json'
    torch.save(dict(state_dict=classifier.state_dict()), checkpoint)
    tool, data = 'tools/analysis_tools/check_equivalence.py', shared_data('flowers5')
    args = ('--num', 1, '--mode', 'spikes', '--out', out, '--cfg-options', f'data_root={data}')
    small = 'test_dataloader.dataset.pipeline.2.crop_size=48'
    said = call_tool(tool, CLS, checkpoint, *args, small)
    assert 'identical' in said
    assert 'sees the picture: backbone.downsample_layers.0.conv\n' in said
    assert 'reads membrane potentials: head.fc\n' in said and 'real values: no layer' in said
    forms = json.loads(out.read_text())['forms']
    assert forms['spikes, float64']['identical'] is True
    assert {layer['name'] for layer in forms['spikes, float32']['layers']} == {
        name for name, module in classifier.named_modules() if hasattr(module, 'owns_input')
    }

    broken = spike_driven_pass.sum_spikes
    monkeypatch.setattr(spike_driven_pass, 'sum_spikes', lambda spikes: broken(spikes[1:]))
    with pytest.raises(SystemExit, match='differs in float64'):
        call_tool(tool, CLS, checkpoint, *args, small)


def test_the_tool_proves_attention_within_each_step_in_float64_too(
    call_tool, repo_dir: Path, shared_data, tmp_path: Path, lively_weights
) -> None:
    key, kind = 'model.backbone.attn_cfg.type', 'mmpretrain.StepAlignedAttention'
    small = (f'{key}={kind}', 'test_dataloader.dataset.pipeline.2.crop_size=48')
    cfg = Config.fromfile(repo_dir / CLS)
    cfg.merge_from_dict({key: kind})
    weights, out = tmp_path / 'weights.pth', tmp_path / 'found.json'
    torch.save(dict(state_dict=lively_weights(build_model(cfg)).state_dict()), weights)
    call_tool(
        'tools/analysis_tools/check_equivalence.py', CLS, weights, '--num', 1, '--out', out,
        '--mode', 'stepwise_attention',
        '--cfg-options', f'data_root={shared_data("flowers5")}', *small,
    )  # fmt: skip
    forms = json.loads(out.read_text())['forms']
    assert list(forms) == ['stepwise_attention, float64', 'stepwise_attention, float32']
    assert forms['stepwise_attention, float64']['identical'] is True


def test_the_tool_proves_a_model_with_real_time(
    call_tool, repo_dir: Path, shared_data, tmp_path: Path, lively_weights
) -> None:
    config = 'configs/dvs/esf_nmnist.py'
    model = lively_weights(build_model(Config.fromfile(repo_dir / config)))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    tool, data = 'tools/analysis_tools/check_equivalence.py', shared_data('nmnist_small')
    args = (config, tmp_path / 'weights.pth', '--num', 1, '--cfg-options', f'data_root={data}')
    said = call_tool(tool, *args, '--mode', 'spikes', 'membrane')
    assert 'Left out: membrane simulates static images, and' in said and 'identical' in said
    with pytest.raises(SystemExit, match='Nothing to compare: membrane simulates static images'):
        call_tool(tool, *args, '--mode', 'membrane')


def test_the_tool_leaves_out_what_neurons_cannot_do(
    call_tool, repo_dir: Path, shared_data, tmp_path: Path
) -> None:
    """A saccadic neuron has no real time with T = 1, and is no SFA neuron either."""
    key, kind = 'model.backbone.attn_cfg.type', 'mmpretrain.SaccadicAttention'
    cfg = Config.fromfile(repo_dir / CLS)
    cfg.merge_from_dict({key: kind})
    torch.save(dict(state_dict=build_model(cfg).state_dict()), tmp_path / 'weights.pth')
    said = call_tool(
        'tools/analysis_tools/check_equivalence.py', CLS, tmp_path / 'weights.pth', '--num', 1,
        '--mode', 'stepwise_attention', 'membrane',
        '--cfg-options', f'data_root={shared_data("flowers5")}',
        'test_dataloader.dataset.pipeline.2.crop_size=32', f'{key}={kind}',
    )  # fmt: skip
    assert 'Left out: membrane simulates SFA neurons, and' in said and 'identical' in said


def test_a_checkpoint_of_another_model_is_refused(
    call_tool, tmp_path: Path, shared_data, classifier: nn.Module
) -> None:
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'weights.pth')
    with pytest.raises(SystemExit, match='does not belong to this config'):
        call_tool(
            'tools/analysis_tools/check_equivalence.py', CLS, tmp_path / 'weights.pth',
            '--cfg-options', 'model.backbone.arch=5m', 'model.head.in_channels=192',
        )  # fmt: skip


class Draws(nn.Module):
    """Adds random numbers, as mmseg's hamburger begins with random bases."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


def test_every_form_draws_the_same_random_numbers(classifier: nn.Module) -> None:
    classifier.head.fc = nn.Sequential(Draws(), classifier.head.fc).eval()
    with in_float64(classifier):
        assert compare(classifier, pictures()).identical
