"""Memory of a training step: what it keeps for backward, and the peak of the process."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.config.scopes import set_loader_defaults
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model
from mmsfa.neurons import spikes_as_bytes

from .backbone_variants import VARIANTS as BACKBONES
from .backbone_variants import build_backbone
from .in_turns import is_cuda

# What takes turns; the ANN twin comes first, because the others are compared with it.
VARIANTS = ('relu', 'spiking', 'bytes', 'checkpointing', 'bytes+checkpointing', 'published')


class Fit(NamedTuple):
    """A straight line through two peaks of memory.

    Attributes:
        fixed: Bytes that do not grow with the pixels.
        per_pixel: Bytes for each pixel of each picture.
    """

    fixed: float
    per_pixel: float

    def pixels(self, budget: float) -> int:
        """How many pixels fit into a number of bytes."""
        return max(int((budget - self.fixed) / self.per_pixel), 0)


def fit_line(pixels: tuple[int, int], peaks: tuple[float, float]) -> Fit:
    """The line through the peaks of two numbers of pixels."""
    slope = (peaks[1] - peaks[0]) / (pixels[1] - pixels[0])
    return Fit(peaks[0] - slope * pixels[0], slope)


def config_of(cfg: Config, variant: str) -> Config:
    """The config of a variant.

    Args:
        cfg: Config of a model with a backbone; stays as it is.
        variant: One of `VARIANTS`.
    """
    cfg = deepcopy(cfg)
    if variant == 'relu':
        to_ann_twin(cfg)
    elif variant == 'published':
        bare_model(cfg.model).backbone.update(BACKBONES[variant])
    if 'checkpointing' in variant:
        bare_model(cfg.model).backbone.with_cp = True
    return cfg


def context_of(variant: str) -> Callable[[], AbstractContextManager[None]]:
    """What the forward pass of a variant runs in."""
    return spikes_as_bytes if variant.startswith('bytes') else nullcontext


def build(cfg: Config, variant: str, whole: bool, device: str) -> nn.Module:
    """The whole model or its backbone, with random weights, in training mode."""
    cfg = config_of(cfg, variant)
    if not whole:
        return build_backbone(cfg, device=device).train()
    init_default_scope(cfg.get('default_scope'))
    torch.manual_seed(0)
    return revert_sync_batchnorm(MODELS.build(cfg.model)).to(device).train()


def loss_of(model: Any, batch: Any) -> Tensor:
    """A scalar to go back from.

    Args:
        model: A backbone, or the whole model.
        batch: A picture (B, C, H, W) for a backbone; a batch of the training loader for a model.
    """
    if isinstance(batch, Tensor):
        return sum((out.float().mean() for out in model(batch)), batch.new_zeros(()))
    losses = model(**model.data_preprocessor(deepcopy(batch), True), mode='loss')
    return model.parse_losses(losses)[0]


def real_batch(cfg: Config, batch_size: int) -> Any:
    """The first batch of the training data.

    Raises:
        OptionError: The config has no training data.
    """
    if not cfg.get('train_dataloader'):
        raise OptionError('The config has no train_dataloader: leave --whole out.')
    cfg = deepcopy(cfg)
    init_default_scope(cfg.get('default_scope'))
    set_loader_defaults(cfg)
    cfg.train_dataloader.update(batch_size=batch_size, num_workers=0, persistent_workers=False)
    return next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))


def kept_bytes(forward: Callable[[], Any], device: str) -> int:
    """What a forward pass leaves in memory as long as its result lives.

    Args:
        forward: Runs it and returns the result.
        device: Where it runs.
    """
    if is_cuda(device):
        before = torch.cuda.memory_allocated(device)
        result = forward()
        kept = torch.cuda.memory_allocated(device) - before
        del result
        return kept
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as events:
        result = forward()
    del result
    return sum(event.self_cpu_memory_usage for event in events.key_averages())


def peak_bytes(cfg: Config, variant: str, shape: tuple[int, ...], device: str) -> int:
    """Peak of a training step of the backbone on random pictures.

    On a CPU it is the resident memory of a fresh process less that before the step. Its allocator
    is told to give large blocks back: the holes that it leaves by default make up a third.

    Args:
        cfg: Config of a model.
        variant: One of `VARIANTS`.
        shape: (B, C, H, W).
        device: Where it runs.
    """
    if is_cuda(device):
        return _step_peak(cfg, variant, shape, device)
    context = multiprocessing.get_context('spawn')
    os.environ.setdefault('MALLOC_MMAP_THRESHOLD_', str(1 << 20))  # glibc reads it as it begins
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_step_peak, cfg, variant, shape, device).result()


def _step_peak(cfg: Config, variant: str, shape: tuple[int, ...], device: str) -> int:
    model = build(cfg, variant, False, device)
    picture = torch.randn(shape, device=device)

    def step() -> None:
        with context_of(variant)():
            loss = loss_of(model, picture)
        loss.backward()

    return peak_of(step, device)


def peak_of(step: Callable[[], Any], device: str) -> int:
    """Largest memory that a call takes beyond what is there before it, in bytes."""
    if is_cuda(device):
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        step()
        return torch.cuda.max_memory_allocated(device) - before
    before = _resident_peak(begin_anew=True)
    step()
    return _resident_peak() - before


def _resident_peak(begin_anew: bool = False) -> int:
    """Largest resident memory of this process, since it began or was asked to begin anew."""
    status = Path('/proc/self/status')
    if status.exists():
        if begin_anew:
            Path('/proc/self/clear_refs').write_text('5')
        return 1024 * int(status.read_text().partition('VmHWM:')[2].split()[0])
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else 1024 * peak
