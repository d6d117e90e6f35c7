"""Say what ``compile`` of a config sets off: mmengine announces that the start is "slow" alone."""

from __future__ import annotations

import logging
import os
import shutil

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmsfa.errors import OptionError


def check_compile(cfg: Config) -> None:
    """Look at ``compile`` before anything is built: it needs a compiler, and much time.

    Args:
        cfg: The whole config.

    Raises:
        OptionError: It is neither a bool nor a dict, or there is no C++ compiler for the CPU.
    """
    options = cfg.get('compile')
    if options is None or options is False:
        return
    if options is not True and not isinstance(options, dict):
        raise OptionError(
            f'compile must be True, False or a dict of options of torch.compile, got {options!r}.'
        )
    backend = 'inductor' if options is True else options.get('backend', 'inductor')
    if backend != 'inductor':
        return
    compiler = os.environ.get('CXX', 'g++')
    if not torch.cuda.is_available() and shutil.which(compiler) is None:
        raise OptionError(
            f'compile needs a C++ compiler on a CPU, and there is no {compiler}: install g++, name '
            'another one in the variable CXX, or set compile=False.'
        )
    print_log(
        'compile: mmengine compiles the whole step of the model, with its heads, losses and '
        'optimizer, and again when the shape of a batch changes. The first iteration takes '
        'minutes: on 2 CPU cores that of the demo detector had not ended after 5. It pays in long '
        'runs with pictures of one size; with compile=False training begins at once.',
        logger='current',
        level=logging.WARNING,
    )
