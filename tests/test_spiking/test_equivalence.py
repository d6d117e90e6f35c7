"""The comparison finds what differs, and the tool says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.neurons import base
from mmsfa.spiking import compare, in_float64
from mmsfa.spiking.agreement import Agreement
from mmsfa.spiking.inference import spike_driven_pass

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


@pytest.mark.slow
def test_approximations_are_told_apart(classifier: nn.Module) -> None:
    for mode in ('stepwise_attention', 'membrane'):
        found = compare(classifier, pictures(2), mode)
        assert found.pictures == 2 and found.predictions.total == 2
        assert not found.identical and found.asdict()['identical'] is False
        json.dumps(found.asdict())


def instances(boxes: list, labels: list[int], masks: int = 0) -> InstanceData:
    pixels = torch.zeros(len(boxes), 4, 4, dtype=torch.bool)
    pixels.flatten(1)[:, :masks] = True
    return InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        scores=torch.full((len(boxes),), 0.5, dtype=torch.float64),
        masks=pixels,
    )


class Sample(dict):
    """A data sample: attributes and membership."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize(
    ('second', 'agreeing', 'total', 'identical'),
    [
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 3), 2, 2, True),
        (([[8, 8, 12, 12], [0, 0, 4, 4]], [1, 0], 3), 2, 2, True),  # another order
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 0], 3), 1, 2, False),  # another label
        (([[0, 0, 4, 4]], [0], 3), 1, 2, False),  # one is missing
        (([[0, 0, 4, 4], [8, 8, 12, 13]], [0, 1], 3), 2, 2, False),  # moved by a pixel
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 4), 2, 2, False),  # another mask
        (([], [], 0), 0, 2, False),
    ],
)
def test_instances(second: tuple, agreeing: int, total: int, identical: bool) -> None:
    first = instances([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 3)
    found = Agreement()
    found.add(Sample(pred_instances=first), Sample(pred_instances=instances(*second)))
    assert (found.agreeing, found.total, found.identical) == (agreeing, total, identical)


def test_equal_boxes_without_area_agree() -> None:
    """A box that is clipped at the border of the picture overlaps nothing, not even itself."""
    first = instances([[5, 0, 5, 4], [0, 0, 4, 4]], [0, 1])
    found = Agreement()
    found.add(Sample(pred_instances=first), Sample(pred_instances=first.clone()))
    assert found.identical and found.agreeing == 2


def test_nan_is_no_agreement() -> None:
    found = Agreement()
    label, score = torch.tensor([1]), torch.tensor([0.5, float('nan')])
    sample = Sample(pred_label=label, pred_score=score)
    found.add(sample, sample)
    assert not found.identical and found.largest == dict(scores=float('inf'))


def test_nothing_is_no_proof(classifier: nn.Module) -> None:
    assert not compare(classifier, []).identical


def test_first_layers_hardly_flip_in_float32(classifier: nn.Module) -> None:
    found = compare(classifier, pictures(2))
    first = [layer for layer in found.layers if 'stages.0' in layer.name]
    assert sum(layer.counts for layer in first) > 1e4
    assert sum(layer.flipped for layer in first) <= 1e-5 * sum(layer.counts for layer in first)


def test_label_maps_and_labels() -> None:
    found = Agreement()
    maps = [PixelData(data=torch.tensor([[[0, 1], [2, label]]])) for label in (2, 1)]
    found.add(Sample(pred_sem_seg=maps[0]), Sample(pred_sem_seg=maps[1]))
    assert (found.what, found.agreeing, found.total) == ('pixels', 3, 4)
    found = Agreement()
    scores = torch.tensor([0.25, 0.75]), torch.tensor([0.5, 0.5])
    label = torch.tensor([1])
    found.add(
        Sample(pred_label=label, pred_score=scores[0]),
        Sample(pred_label=label, pred_score=scores[1]),
    )
    assert found.identical and found.largest == dict(scores=0.25)
    with pytest.raises(ValueError, match='got one with'):
        found.add(Sample(gt_label=label), Sample(gt_label=label))


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


def test_the_tool_proves_a_model_with_real_time(
    call_tool, repo_dir: Path, shared_data, tmp_path: Path, lively_weights
) -> None:
    config = 'configs/dvs/esf_nmnist.py'
    model = lively_weights(build_model(Config.fromfile(repo_dir / config)))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    said = call_tool(
        'tools/analysis_tools/check_equivalence.py', config, tmp_path / 'weights.pth', '--num', 1,
        '--mode', 'spikes', 'membrane', '--cfg-options', f'data_root={shared_data("nmnist_small")}',
    )  # fmt: skip
    assert 'Left out: membrane' in said and 'identical' in said


def test_a_checkpoint_of_another_model_is_refused(
    call_tool, tmp_path: Path, shared_data, classifier: nn.Module
) -> None:
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'weights.pth')
    with pytest.raises(SystemExit, match='does not belong to this config'):
        call_tool(
            'tools/analysis_tools/check_equivalence.py', CLS, tmp_path / 'weights.pth',
            '--cfg-options', 'model.backbone.arch=5m', 'model.head.in_channels=192',
        )  # fmt: skip
