"""Firing maps: their values and where they lie in the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.structures import BaseDataElement
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmsfa.apis.trained_model import build_model
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.errors import OptionError
from mmsfa.visualization import FiringMap
from mmsfa.visualization.firing_map import at_original_size

SEG = 'configs/seg/upernet_esf_demo.py'
Fill = Callable[[nn.Module], nn.Module]


@pytest.fixture
def segmentor(repo_dir: Path, lively_weights: Fill) -> nn.Module:
    cfg = Config.fromfile(repo_dir / SEG)  # with fewer blocks and a smaller head: it runs often
    cfg.model.backbone.arch = dict(channels=(24, 48, 96, 128), depths=(1, 1, 1, 1, 1))
    cfg.model.decode_head.channels = 8
    cfg.model.auxiliary_head = None
    return lively_weights(build_model(cfg))


def batch_of(picture: Tensor) -> dict:
    from mmseg.structures import SegDataSample

    size = tuple(picture.shape[-2:])
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size, pad_shape=size))
    return dict(inputs=[picture], data_samples=[sample])


@pytest.fixture
def picture() -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 80, 112), generator=draw, dtype=torch.uint8)


@torch.no_grad()
def test_the_map_is_the_mean_count_over_channels_and_layers(segmentor: nn.Module) -> None:
    counts: dict[str, list[Tensor]] = {}
    backbone = segmentor.backbone
    for name, module in backbone.named_modules():
        if name.endswith(('activate', 'neuron')):
            stage = 'stages.' + name.split('.')[1]
            module.register_forward_hook(
                lambda m, _, out, stage=stage: counts.setdefault(stage, []).append(out * m.norm)
            )
    image = torch.randn(2, 3, 64, 96)
    with FiringMap(backbone) as firing_map:
        backbone(image)
    size = dict(size=(64, 96), mode='bilinear', align_corners=False)
    layers = {
        stage: [interpolate(n.mean(1, keepdim=True) / 4, **size)[:, 0] for n in outputs]
        for stage, outputs in counts.items()
    }
    every = torch.stack([one for mine in layers.values() for one in mine])
    assert firing_map.num_layers == len(every)
    torch.testing.assert_close(firing_map.mean(), every.mean(0))
    assert list(firing_map.stages()) == [f'stages.{i}' for i in range(5)]
    for stage, rates in firing_map.stages().items():
        torch.testing.assert_close(rates, torch.stack(layers[stage]).mean(0))


@pytest.mark.parametrize(
    ('crop_size', 'stride'), [((64, 64), (43, 43)), ((64, 64), (20, 64)), ((96, 48), (64, 32))]
)
def test_each_window_has_its_place(
    segmentor: nn.Module,
    picture: Tensor,
    crop_size: tuple[int, int],
    stride: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """80 x 112 is no multiple of the strides (the last windows are moved back), or too low."""
    segmentor.test_cfg = ConfigDict(mode='slide', crop_size=crop_size, stride=stride)
    crops: list[Tensor] = []
    encode_decode = segmentor.encode_decode
    monkeypatch.setattr(
        segmentor,
        'encode_decode',
        lambda crop, meta: crops.append(crop) or encode_decode(crop, meta),
    )
    with FiringMap(segmentor) as firing_map, torch.no_grad():
        segmentor.test_step(batch_of(picture))
    found = firing_map.mean()
    total, number = torch.zeros(1, 80, 112), torch.zeros(80, 112)
    for crop in crops:
        top, left = divmod(crop.storage_offset(), 112)  # the crop is a view of the picture
        with FiringMap(segmentor.backbone) as of_crop, torch.no_grad():
            segmentor.backbone(crop)
        height, width = crop.shape[-2:]
        total[:, top : top + height, left : left + width] += of_crop.mean()
        number[top : top + height, left : left + width] += 1
    assert len(crops) >= 3 and number.min() == 1 and number.max() > 1
    torch.testing.assert_close(found, total / number)


def test_a_new_batch_forgets_the_old_one(segmentor: nn.Module, picture: Tensor) -> None:
    def look(*pictures: Tensor) -> Tensor:
        with FiringMap(segmentor) as firing_map, torch.no_grad():
            for one in pictures:
                segmentor.test_step(batch_of(one))
        return firing_map.mean()

    other = 255 - picture
    assert torch.equal(look(other, picture), look(picture))
    assert not torch.equal(look(other), look(picture))


def test_a_batch_that_fails_leaves_nothing_behind(segmentor: nn.Module, picture: Tensor) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    def look_after_failure(firing_map: FiringMap, again: bool) -> None:
        handle = segmentor.backbone.stages[3].register_forward_hook(fail)
        with firing_map, torch.no_grad():
            with pytest.raises(MemoryError):
                segmentor.test_step(batch_of(255 - picture))
            handle.remove()
            if again:
                segmentor.test_step(batch_of(picture))
        if not again:
            with firing_map, torch.no_grad():
                segmentor.test_step(batch_of(picture))

    with FiringMap(segmentor) as expected, torch.no_grad():
        segmentor.test_step(batch_of(picture))
    for again in (True, False):
        look_after_failure(firing_map := FiringMap(segmentor), again)
        assert firing_map.num_layers == expected.num_layers
        assert torch.equal(firing_map.mean(), expected.mean())


def test_a_failed_picture_does_not_bind_the_next_context(segmentor: nn.Module) -> None:
    firing_map = FiringMap(segmentor)
    with firing_map:  # ends before the backbone has seen the picture
        segmentor.data_preprocessor(batch_of(torch.zeros(3, 80, 112)))
    with firing_map, torch.no_grad():
        segmentor.backbone(torch.zeros(1, 3, 64, 64))
    assert firing_map.mean().shape == (1, 64, 64)


def test_the_model_is_as_it_was(segmentor: nn.Module, picture: Tensor) -> None:
    def hooks() -> int:
        return sum(len(m._forward_hooks) for m in segmentor.modules())

    before = hooks()
    with FiringMap(segmentor):
        assert hooks() > before
    assert hooks() == before


def test_only_maps_of_one_channel_are_kept(segmentor: nn.Module, picture: Tensor) -> None:
    with FiringMap(segmentor) as firing_map, torch.no_grad():
        segmentor.test_step(batch_of(picture))
    kept = [v for v in vars(firing_map).values() if isinstance(v, dict)]
    tensors = [t for one in kept for t in one.values() if isinstance(t, Tensor)]
    assert len(tensors) == 5 and {t.shape for t in tensors} == {(1, 80, 112)}


@torch.no_grad()
def test_a_map_of_events_is_the_mean_of_all_time_steps(lively_weights: Fill) -> None:
    arch = dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1))
    cfg = dict(type='mmpretrain.ESpikeFormer', arch=arch, in_channels=2)
    events, maps = torch.rand(2, 3 * 2, 32, 48).round(), []
    for T, neuron in ((3, {}), (1, dict(T=3))):  # the second gets time in the batch axis
        torch.manual_seed(0)
        neuron_cfg = dict(type='mmpretrain.SFA', beta=0, **neuron)
        backbone = lively_weights(MODELS.build(dict(cfg, T=T, neuron_cfg=neuron_cfg))).eval()
        with FiringMap(backbone) as firing_map:
            backbone(events if T > 1 else events.unflatten(1, (3, 2)).transpose(0, 1).flatten(0, 1))
        maps.append(firing_map.mean())
    assert maps[0].shape == (2, 32, 48) and maps[0].any()
    torch.testing.assert_close(maps[0], maps[1])


def test_an_unknown_way_of_looking_is_refused(segmentor: nn.Module, picture: Tensor) -> None:
    """As a test-time augmentation would be: its second call has no place in the picture."""
    with FiringMap(segmentor), torch.no_grad():
        segmentor.test_step(batch_of(picture))
        with pytest.raises(RuntimeError, match='expected no further window'):
            segmentor.backbone(torch.zeros(1, 3, 80, 112))


def test_a_model_without_spikes_has_no_map(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / SEG)
    to_ann_twin(cfg)
    with pytest.raises(OptionError, match='ESpikeFormer has none'):
        FiringMap(build_model(cfg))


def sample(**meta: object) -> BaseDataElement:
    return BaseDataElement(metainfo=meta)


def test_padding_is_cropped_and_resizing_undone() -> None:
    rates = torch.full((128, 96), torch.nan)  # what the preprocessor has padded
    content = torch.rand(50, 40)
    rates[:100, :80] = content.repeat_interleave(2, 0).repeat_interleave(2, 1)
    found = at_original_size(rates, sample(ori_shape=(50, 40), scale_factor=(2.0, 2.0)))
    torch.testing.assert_close(found, content)


def test_width_and_height_have_their_own_scale() -> None:
    rates = torch.full((64, 96), torch.nan)
    rates[:50, :90] = torch.linspace(0, 1, 90)
    found = at_original_size(rates, sample(ori_shape=(100, 30), scale_factor=(3.0, 0.5)))
    assert found.shape == (100, 30) and found.isfinite().all()
    assert found[0, 0] < 0.05 and found[0, -1] > 0.95


@pytest.mark.parametrize(('direction', 'axes'), [('horizontal', [1]), ('vertical', [0])])
def test_flipping_is_undone(direction: str, axes: list[int]) -> None:
    rates = torch.rand(8, 9)
    turned = sample(ori_shape=(8, 9), flip=True, flip_direction=direction)
    torch.testing.assert_close(at_original_size(rates, turned), rates.flip(axes))
