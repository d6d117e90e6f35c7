"""Compare the backends of one model: PyTorch, float ONNX, both integer forms, OpenVINO."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsfa.apis.trained_model import predictions
from mmsfa.compat import importable
from mmsfa.spiking.agreement import Agreement

from .export import INTEGER_FORMS, export_module
from .qdq import to_qdq
from .runtime import Session
from .tensor_part import TensorPart, replaced

SAME = 1e-3  # of the largest value of a map


@dataclass
class Comparison:
    """How far a backend agrees with PyTorch, added up over pictures.

    Attributes:
        largest: Largest difference of an output, as a share of the largest value of that output.
        values: Number of values that were compared.
        same: How many of them differ by less than `SAME` of the largest value of their output.
        predictions: Agreement of the whole model's predictions.
    """

    largest: float = 0.0
    values: int = 0
    same: int = 0
    predictions: Agreement = field(default_factory=Agreement)

    def add(self, expected: Iterable[Tensor], got: Iterable[Tensor]) -> None:
        """Compare the outputs for one picture."""
        for ours, theirs in zip(expected, got, strict=True):
            gap = (ours - theirs).abs() / ours.abs().max().clamp(min=1e-12)
            gap = gap.nan_to_num(torch.inf)
            self.largest = max(self.largest, gap.max().item())
            self.values += gap.numel()
            self.same += int((gap < SAME).sum())


def compare_backend(model: BaseModel, session: Session, batches: Iterable[dict]) -> Comparison:
    """Run a model twice for each picture: in PyTorch, and with a session for its tensor part.

    Args:
        model: A trained model in evaluation mode, on the CPU.
        session: Its tensor part in onnxruntime.
        batches: What a data loader gives.
    """
    part = TensorPart(model)
    found = Comparison()

    def run_both(image: Tensor) -> dict[str, Tensor]:
        outputs = session.by_name(image)
        seen.append((image, outputs))
        return outputs

    for batch in batches:
        seen: list[tuple[Tensor, dict[str, Tensor]]] = []
        with torch.no_grad():
            expected = model.test_step(deepcopy(batch))
            with replaced(model, run_both):
                got = model.test_step(deepcopy(batch))
            for image, outputs in seen:
                found.add(part(image), outputs.values())
        for ours, theirs in zip(expected, got, strict=True):
            found.predictions.add(ours, theirs)
    return found


def evaluate_backend(
    model: BaseModel,
    session: Session | None,
    cfg: Config,
    loader: DataLoader,
    label: str = 'evaluate',
) -> dict[str, float]:
    """The figures of a config's own test evaluator.

    Args:
        model: A trained model in evaluation mode, on the CPU.
        session: Its tensor part in onnxruntime; None takes PyTorch.
        cfg: The whole config.
        loader: All test pictures, as `picture_loader` gives them.
        label: What the progress bar says.
    """
    with replaced(model, session.by_name) if session else nullcontext():
        return figures_of(predictions(model, track(loader, label)), cfg, loader)


def figures_of(
    predicted: Iterable[tuple[dict, list]], cfg: Config, loader: DataLoader
) -> dict[str, float]:
    """The figures of a config's own test evaluator.

    Args:
        predicted: (batch, data samples with predictions) of all test pictures.
        cfg: The whole config.
        loader: The pictures, as `picture_loader` gives them.
    """
    settings = cfg.test_evaluator
    evaluator = Evaluator(settings if isinstance(settings, list | tuple) else [settings])
    dataset: Any = loader.dataset
    evaluator.dataset_meta = getattr(dataset, 'dataset', dataset).metainfo
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)  # the figures stand in our own table
    try:
        for batch, samples in predicted:
            evaluator.process(data_samples=samples, data_batch=batch)
        with redirect_stdout(io.StringIO()):  # pycocotools prints
            return evaluator.evaluate(len(dataset))
    finally:
        logger.setLevel(level)


def backbone_backends(backbone: nn.Module) -> dict[str, nn.Module]:
    """A backbone in PyTorch and in every form of ONNX, with torch's number of threads.

    Both engines run the QDQ form, OpenVINO where it is installed.

    Args:
        backbone: Any backbone in evaluation mode, on the CPU.
    """
    graph = export_module(backbone)
    backends = {'eager PyTorch': backbone, 'float ONNX': Session(graph)}
    backends |= {f'{form} ONNX': Session(make(graph)) for form, make in INTEGER_FORMS.items()}
    if importable('openvino'):
        backends['qdq OpenVINO'] = Session(to_qdq(graph), 'openvino')
    return backends
