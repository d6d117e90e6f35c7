"""Firing, operations and energy of a trained model over real pictures, as one dictionary."""

from __future__ import annotations

import json
import os
from collections.abc import Container
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsfa.compression.memory import weight_bytes
from mmsfa.layers.effective_weight import weight_bits
from mmsfa.spiking.measure.energy import EnergyCosts
from mmsfa.spiking.measure.observer import observe, products_of
from mmsfa.spiking.measure.operations import OperationCounter, Operations
from mmsfa.spiking.measure.stages import stage_of
from mmsfa.spiking.measure.statistics import SATURATED, NeuronStatistics, StatisticsCounter
from mmsfa.spiking.measure.uncounted import not_run, uncounted
from mmsfa.spiking.real_inputs import real_inputs
from mmsfa.version import __version__

from .hashes import file_sha256, text_sha256
from .trained_model import infos_of_loader, load_trained, picture_loader, predictions


def measure(
    cfg: Config,
    checkpoint: str,
    num: int | None = None,
    device: str = 'cpu',
    mac_pj: float = 4.6,
    ac_pj: float = 0.9,
) -> dict[str, Any]:
    """Run a trained model over its test pictures and sum up what it fired and computed.

    Args:
        cfg: The whole config.
        checkpoint: Its weights.
        num: Number of pictures; None takes all.
        device: Where to run.
        mac_pj: Energy of a multiply-accumulate in picojoule.
        ac_pj: Energy of an addition in picojoule.

    Returns:
        ``config``, ``checkpoint`` and ``data`` (with sha256), ``settings``, ``neurons``,
        ``operations`` and ``totals`` (for one picture; the last total is the whole model),
        ``uncounted`` (what multiplies, or takes spikes in any other way, and is neither
        convolution, linear layer nor `SpikeProduct`: in the first ten pictures), ``analog`` (layers
        that got real values: the picture, membrane potentials, or others), ``not_run`` (neurons and
        layers), ``idle`` and ``saturated`` (neurons). Only plain types.

    Raises:
        UserError: Config, checkpoint or data do not fit together.
    """
    costs = EnergyCosts(mac_pj, ac_pj)
    model = load_trained(cfg, checkpoint, device)
    loader = picture_loader(cfg, num)
    statistics, counter = StatisticsCounter(model), OperationCounter(model)
    with uncounted(model) as products:  # alone: observers multiply, too
        for _ in islice(predictions(model, loader), 10):  # not in all is something to be found
            pass
    with observe(model, statistics.count, counter.count_synapse, counter.count_product):
        for _ in track(predictions(model, loader), 'pictures', total=len(loader)):
            pass
    neurons = statistics.layers()
    dataset: Any = loader.dataset
    pictures = len(dataset)
    layers = {
        name: Operations(*(value / pictures for value in one))
        for name, one in counter.layers().items()
    }
    attentions = products_of(model)
    got_real = {name: one.analog_macs > 0 for name, one in layers.items()}
    analog = real_inputs(model, got_real, counter.nonlinear)
    return dict(
        config=dict(path=str(cfg.filename), sha256=text_sha256(cfg.dump())),
        checkpoint=dict(path=str(checkpoint), sha256=_checkpoint_sha256(checkpoint)),
        data=dict(pictures=pictures, sha256=_data_sha256(loader)),
        settings=dict(
            mac_pj=mac_pj,
            ac_pj=ac_pj,
            device=device,
            mmsfa=__version__,
            torch=torch.__version__,
            time=datetime.now().astimezone().isoformat(timespec='seconds'),
        ),
        neurons=[one.asdict() for one in neurons],
        operations=[
            _row(name, one, model, attentions, costs, analog.get(name, 'spikes'))
            for name, one in layers.items()
        ],
        totals=totals(model, layers, neurons, costs),
        uncounted=products,
        analog=analog,
        not_run=not_run(model, {one.name for one in neurons}, layers),
        idle=[one.name for one in neurons if one.firing_rate == 0],
        saturated=[one.name for one in neurons if one.firing_rate > SATURATED],
    )


def _row(
    name: str,
    one: Operations,
    model: nn.Module,
    products: Container[str],
    costs: EnergyCosts,
    read: str,
) -> dict[str, Any]:
    layer = model.get_submodule(name)
    kind = 'linear' if isinstance(layer, nn.Linear) else 'convolution'
    return dict(
        name=name,
        stage=stage_of(name),
        kind='attention' if name in products else kind,
        input=read,
        bits=weight_bits(layer) if isinstance(getattr(layer, 'weight', None), Tensor) else None,
        **_figures(one, costs),
    )


def _figures(one: Operations, costs: EnergyCosts) -> dict[str, float]:
    return dict(
        macs=one.macs,
        acs=one.acs,
        energy_mj=costs.spiking_mj(one.analog_macs, one.acs),
        ann_energy_mj=costs.ordinary_mj(one.macs),
    )


def part_of(name: str) -> str:
    """Backbone, neck or head that a layer belongs to; the stages of a backbone are one part."""
    return 'backbone' if name.split('.', maxsplit=1)[0] == 'backbone' else stage_of(name)


def totals(
    model: nn.Module,
    layers: dict[str, Operations],
    neurons: list[NeuronStatistics],
    costs: EnergyCosts,
) -> list[dict[str, Any]]:
    """One row for each part of a model and, last, one for all of it."""
    weights = [(part_of(name), p) for name, p in model.named_parameters()]
    sizes = {name: size for name, size in weight_bytes(model).items() if size}
    memory = [(part_of(f'{name}.weight'.lstrip('.')), size) for name, size in sizes.items()]
    parts = list(dict.fromkeys([part for part, _ in weights] + [part_of(n) for n in layers]))
    rows = []
    for part in [*parts, 'model']:
        mine = [weight for owner, weight in weights if part in (owner, 'model')]
        ops = [one for name, one in layers.items() if part in (part_of(name), 'model')]
        whole = Operations(*map(sum, zip(*ops, strict=True))) if ops else Operations()
        fires = [one for one in neurons if part in (part_of(one.name), 'model')]
        possible = sum(one.capacity for one in fires)
        emitted = sum(one.firing_rate * one.capacity for one in fires)
        rows.append(
            dict(
                part=part,
                params=sum(weight.numel() for weight in mine),
                bytes=sum(size for owner, size in memory if part in (owner, 'model')),
                **_figures(whole, costs),
                firing_rate=emitted / possible if possible else None,
            )
        )
    return rows


def _checkpoint_sha256(path: str) -> str | None:
    """None for a URL."""
    return file_sha256(path) if Path(path).is_file() else None


def _data_sha256(loader: DataLoader) -> str:
    """Hash of the list of pictures and annotations that was used, wherever the folder lies."""
    listed = infos_of_loader(loader)
    paths = [str(v) for info in listed for k, v in info.items() if k.endswith('_path') and v]
    root = os.path.commonpath(paths) if len(paths) > 1 else os.path.dirname(''.join(paths))
    text = json.dumps(listed, sort_keys=True, default=str)
    return text_sha256(text.replace(str(root), ''))
