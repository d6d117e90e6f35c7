"""What of a model is tensors from end to end, and what takes its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmsfa.errors import OptionError
from mmsfa.export.onnx.pooling import MatrixPool
from mmsfa.export.onnx.tensor_part import TensorPart, head_of, replaced, tensor_part


class Head(nn.Module):
    """Two kinds of maps for each level, as the heads of detectors give them."""

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        return [x + 1 for x in maps], [x + 2 for x in maps]


class Detector(nn.Module):
    """Two levels; the second one is pooled to 2 x 2."""

    def __init__(self, name: str = 'bbox_head', regions: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.add_module(name, Head())
        self.roi_head = nn.Identity() if regions else None

    def extract_feat(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.conv(image)
        return x, self.pool(x)

    def forward(self, image: Tensor) -> tuple:
        maps = self.extract_feat(image)
        return maps, getattr(self, head_of(self))(maps)


HEAD = [f'head_{kind}_{level}' for kind in (0, 1) for level in (0, 1)]


def test_predictions_come_from_what_runs(exported: Callable) -> None:
    model = exported('classifier').model
    data = dict(inputs=[torch.zeros(3, 64, 64, dtype=torch.uint8)] * 2)
    scores = torch.tensor([[0.0, 0, 9, 0, 0], [9, 0, 0, 0, 0]])
    with torch.no_grad(), replaced(model, lambda image: dict(scores=scores)):
        samples = model.test_step(data)
    assert [sample.pred_label.item() for sample in samples] == [2, 0]


@pytest.mark.parametrize(
    ('name', 'regions', 'names'),
    [('bbox_head', False, HEAD), ('rpn_head', True, ['map_0', 'map_1', *HEAD])],
)
def test_outputs_are_named_by_their_places(name: str, regions: bool, names: list[str]) -> None:
    model, image = Detector(name, regions).eval(), torch.randn(1, 3, 5, 6)
    part = TensorPart(model)
    assert part.names == ()
    found = dict(zip(names, part(image), strict=True))
    assert list(part.names) == names
    maps, outputs = model(image)
    for kind in (0, 1):
        for level in (0, 1):
            assert torch.equal(found[f'head_{kind}_{level}'], outputs[kind][level])
    if regions:  # the heads of regions read them
        assert torch.equal(found['map_1'], maps[1])


def test_scores_are_one_output() -> None:
    model = Detector().eval()
    model.bbox_head.forward = lambda maps: maps[1].mean((2, 3))
    part = TensorPart(model)
    assert [out.shape for out in part(torch.ones(2, 3, 4, 4))] == [(2, 4)]
    assert part.names == ('scores',)


@pytest.mark.parametrize(('name', 'regions'), [('bbox_head', False), ('rpn_head', True)])
def test_what_takes_its_place_is_nested_as_before(name: str, regions: bool) -> None:
    model, image = Detector(name, regions).eval(), torch.randn(1, 3, 5, 6)
    part = TensorPart(model)
    want, seen = part(image), []

    def run(x: Tensor) -> dict[str, Tensor]:
        seen.append(x)
        return {key: 10 * value for key, value in zip(part.names, want, strict=True)}

    with replaced(model, run) as same:
        assert same is model
        maps, outputs = model(image)
    assert len(seen) == 1 and seen[0] is image
    assert torch.equal(outputs[1][0], 10 * want[-2]) and len(outputs) == len(outputs[0]) == 2
    assert torch.equal(maps[1], 10 * want[1]) if regions else maps is image
    assert 'extract_feat' not in vars(model)
    assert torch.equal(model(image)[1][1][0], want[-2])


def test_what_is_exported_is_a_folded_copy() -> None:
    model, image = Detector().eval(), torch.randn(1, 3, 5, 6)
    part = tensor_part(model)
    kinds = {type(module) for module in part.modules()}
    assert MatrixPool in kinds and nn.BatchNorm2d not in kinds
    assert type(model.pool) is nn.AdaptiveAvgPool2d and type(model.conv[1]) is nn.BatchNorm2d
    with torch.no_grad():
        for ours, theirs in zip(part(image), TensorPart(model)(image), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_only_models_with_one_dense_head() -> None:
    assert head_of(Detector('rpn_head', True)) == 'rpn_head'
    with pytest.raises(OptionError, match='one of rpn_head, decode_head, .* got Sequential'):
        head_of(nn.Sequential())
    cascade = Detector()
    cascade.bbox_head = nn.ModuleList([Head()] * 3)
    with pytest.raises(OptionError, match='one bbox_head .* a cascade of 3 in Detector'):
        TensorPart(cascade)
