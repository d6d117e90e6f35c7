"""From a config and a checkpoint to a model and its pictures: what every analysis starts with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import CheckpointLoader, Runner
from torch.utils.data import DataLoader, Subset

from mmsfa.checkpoint.loading.whole_model import load_whole
from mmsfa.compression.quantization import refuse_packed
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.check_model import check_model
from mmsfa.config.scopes import scope_of, set_loader_defaults
from mmsfa.errors import OptionError
from mmsfa.layers.fold import merge_branches
from mmsfa.model_parts import bare_model, to_predict
from mmsfa.neurons.weight_settings import warn_of_unread


def build_model(cfg: Config) -> BaseModel:
    """The untrained model of a config, on the CPU, in evaluation mode, without auxiliary losses.

    mmpretrain's runner takes the ``data_preprocessor`` from the top of the config; so does this.

    Args:
        cfg: The whole config.
    """
    scope_of(cfg)
    check_model(cfg)
    init_default_scope(cfg.default_scope)
    model_cfg = deepcopy(to_predict(cfg.model))
    inner = bare_model(model_cfg)
    if 'backbone' in inner:
        inner['backbone']['init_cfg'] = None
    if cfg.get('data_preprocessor'):
        inner.setdefault('data_preprocessor', deepcopy(cfg.data_preprocessor))
    return revert_sync_batchnorm(MODELS.build(model_cfg)).eval()


def load_trained(
    cfg: Config, checkpoint: str, device: str = 'cpu', merge: bool = True
) -> BaseModel:
    """A trained model in its form for inference, with ``model.dataset_meta``.

    Args:
        cfg: The whole config.
        checkpoint: File or URL; it is loaded without running code.
        device: Where the model goes.
        merge: Merge what is merged for inference (RepConv). A merged model is not trained on.

    Raises:
        OptionError: The checkpoint belongs to another model.
        UserError: The file is missing, broken or could run code.
    """
    model = build_model(cfg)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')
    state_dict = loaded.get('state_dict', loaded)
    warn_of_unread(model, state_dict)
    refuse_packed(model, state_dict)
    load_whole(model, state_dict, checkpoint)
    stored = (loaded.get('meta') or {}).get('dataset_meta') or {}
    model.dataset_meta = {**_dataset_meta(cfg), **stored}
    if merge:
        merge_branches(model)
    return model.to(device)


def _dataset_meta(cfg: Config) -> dict[str, Any]:
    """Class names and colours that the config itself states."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    meta = dict(dataset.get('metainfo') or {})
    if dataset.get('classes'):
        meta.setdefault('classes', dataset['classes'])
    return meta


def picture_loader(cfg: Config, num: int | None = None) -> DataLoader:
    """The pictures that `tools/test.py` would see, one at a time and in the main process.

    Args:
        cfg: The whole config.
        num: How many pictures; None takes all.

    Raises:
        UserError: The config names no pictures, or none are there, or ``num`` is not positive.
    """
    if num is not None and num < 1:
        raise OptionError(f'--num must be at least 1 picture, got {num}.')
    scope_of(cfg)
    if not cfg.get('test_dataloader'):
        raise OptionError(
            'The config has no test_dataloader, so there are no pictures to look at: inherit one '
            'of configs/_base_/datasets.'
        )
    init_default_scope(cfg.default_scope)
    set_loader_defaults(cfg)
    check_datasets(cfg, 'test')
    loader = dict(cfg.test_dataloader, batch_size=1, num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)
    dataset = DATASETS.build(loader['dataset'])
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    loader['dataset'] = Subset(dataset, range(min(num or len(dataset), len(dataset))))
    return Runner.build_dataloader(loader, seed=0)


def infos_of_loader(loader: DataLoader) -> list[dict[str, Any]]:
    """What the data set of :func:`picture_loader` knows of each picture before it is read."""
    subset: Any = loader.dataset
    return [subset.dataset.get_data_info(i) for i in subset.indices]


def predictions(model: BaseModel, loader: Iterable[dict]) -> Iterator[tuple[dict, list]]:
    """(batch, data samples with predictions) of each batch, without gradients.

    Args:
        model: A model in evaluation mode.
        loader: What `picture_loader` gives.
    """
    for batch in loader:
        with torch.no_grad():
            yield batch, model.test_step(batch)
