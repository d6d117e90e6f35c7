"""Compare what a folder finds in pictures with what PyTorch finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from mmsfa.errors import OptionError
from mmsfa.runtime import Classification, Instances, Model
from mmsfa.runtime.results import Result
from mmsfa.spiking.agreement import Agreement

SAME_PLACE = 1e-3  # pixels


@dataclass
class WholeComparison:
    """How far a folder agrees with PyTorch, added up over pictures.

    Attributes:
        predictions: Agreement of the predictions.
        instances: Instances that PyTorch finds.
        same_place: How many of them the folder finds with the same label, each coordinate of the
            box within `SAME_PLACE`.
    """

    predictions: Agreement = field(default_factory=Agreement)
    instances: int = 0
    same_place: int = 0

    def add(self, expected: Any, got: Any) -> None:
        """Compare the data samples of one picture, in what a folder gives: it gives no logits."""
        expected = expected.clone()
        for name in [name for name in expected.keys() if name not in got]:  # noqa: SIM118
            delattr(expected, name)
        self.predictions.add(expected, got)
        if 'pred_instances' in expected:
            self.instances += len(expected.pred_instances)
            self.same_place += found_again(expected.pred_instances, got.pred_instances)


def found_again(expected: InstanceData, got: InstanceData, within: float = SAME_PLACE) -> int:
    """How many instances have a partner of their own with the same label and place."""
    gaps = (expected.bboxes[:, None] - got.bboxes).abs().amax(-1)
    gaps[expected.labels[:, None] != got.labels] = torch.inf
    number = 0
    for row in range(len(gaps)):
        if gaps.shape[1] and gaps[row].min() <= within:
            gaps[:, int(gaps[row].argmin())] = torch.inf
            number += 1
    return number


def compare_folder(model: BaseModel, runtime: Model, batches: Iterable[dict]) -> WholeComparison:
    """Let PyTorch and a folder predict the same pictures.

    Args:
        model: A trained model in evaluation mode, on the CPU.
        runtime: The folder of it.
        batches: What a data loader gives; the folder reads the files itself.
    """
    found = WholeComparison()
    for batch in batches:
        with torch.no_grad():
            expected = model.test_step(deepcopy(batch))
        for ours, theirs in zip(expected, predict(runtime, batch), strict=True):
            found.add(ours, theirs)
    return found


def folder_predictions(runtime: Model, loader: Iterable[dict]) -> Iterator[tuple[dict, list]]:
    """(batch, data samples with what the folder finds) of each batch."""
    for batch in loader:
        yield batch, predict(runtime, batch)


def predict(runtime: Model, batch: dict) -> list[Any]:
    """Data samples of a batch with what a folder finds in their files.

    Raises:
        OptionError: The pictures are no files.
    """
    samples = deepcopy(batch['data_samples'])
    for sample in samples:
        path = sample.metainfo.get('img_path')
        if path is None:
            raise OptionError(
                'A folder is checked on picture files, and the test pipeline gives no img_path: '
                'leave it in the meta_keys of its Pack... transform.'
            )
        _put(runtime(path), sample)
    return samples


def _put(found: Result, sample: Any) -> None:
    """Write a result where the models of the mm libraries write theirs."""
    if isinstance(found, Classification):
        sample.set_pred_score(torch.from_numpy(found.scores)).set_pred_label(found.label)
    elif isinstance(found, Instances):
        sample.pred_instances = InstanceData(**_tensors(found))
    else:
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(found.labels)[None])


def _tensors(found: Instances) -> dict[str, Tensor]:
    parts = dict(bboxes=found.boxes, scores=found.scores, labels=found.labels, masks=found.masks)
    return {name: torch.from_numpy(part) for name, part in parts.items() if part is not None}
