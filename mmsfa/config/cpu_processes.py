"""Several processes on a machine without a GPU."""

from __future__ import annotations

import logging
import os
from typing import Any

import torch
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmsfa.errors import OptionError


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """DDP for models on the CPU: mmengine always names a GPU, which torch refuses there."""

    def __init__(self, module: nn.Module, device_ids: object = None, **kwargs: Any) -> None:
        super().__init__(module=module, **kwargs)


def use_gloo_without_gpu(cfg: Config) -> None:
    """Start the process group with gloo when processes were launched and there is no GPU.

    mmengine's own start would select a GPU first. With a GPU nothing is changed.

    Args:
        cfg: Config whose ``launcher`` is set already.

    Raises:
        OptionError: Another launcher than pytorch's was used on such a machine, or the launcher
            that the option names has not started this process.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'pytorch' and 'RANK' not in os.environ:
        raise OptionError(
            '--launcher pytorch was given, but no launcher has started this process: use '
            'tools/dist_train.sh or tools/dist_test.sh, or torchrun.'
        )
    if launcher == 'none' or get_device() != 'cpu':
        return
    if launcher != 'pytorch':
        raise OptionError(
            f'--launcher {launcher} needs GPUs, and torch finds none here. On CPUs use '
            '--launcher pytorch, or tools/dist_train.sh and tools/dist_test.sh.'
        )
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='CPUDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )
    torch_dist.init_process_group(backend='gloo')
    if os.environ.get('RANK') == '0':
        print_log(
            f'No GPU is found: {torch_dist.get_world_size()} processes work on the CPU and talk '
            f'through gloo, each with {torch.get_num_threads()} threads.',
            level=logging.INFO,
        )
