from __future__ import annotations

import pytest

from mmsfa.config import scopes
from mmsfa.errors import OptionError
from tests.helpers.scope_config import config


def test_an_unknown_scope_is_named() -> None:
    with pytest.raises(OptionError, match=r"mmdet, mmseg, mmpretrain, got 'mmrotate'"):
        scopes.scope_of(config('mmrotate'))


def test_loader_defaults_do_not_override_the_config() -> None:
    cfg = config('mmpretrain', train_dataloader=dict(collate_fn=dict(type='mine')))
    scopes.set_loader_defaults(cfg)
    assert cfg.train_dataloader.collate_fn.type == 'mine'
    assert cfg.test_dataloader.collate_fn.type == 'default_collate'
    cfg = config('mmdet')
    scopes.set_loader_defaults(cfg)
    assert 'collate_fn' not in cfg.test_dataloader
