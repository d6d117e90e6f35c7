"""A few configs of mmdet and mmseg, as they are shipped there, on the spiking backbone.

``python -m tests.sweep`` tries the whole table.
"""

from __future__ import annotations

import fnmatch
from functools import partial

import pytest

from .table import ROWS, Row
from .trial import try_row


@pytest.mark.slow
@pytest.mark.parametrize('row', [row for row in ROWS if row.tested], ids=lambda row: row.name)
def test_a_config_of_another_library_trains_and_is_proved(row: Row) -> None:
    result = try_row(row)
    assert not result.failed
    assert not result.warnings, 'nothing is said of a config that is right'
    assert result.identical, result.difference
    assert result.fired == result.spiking > 0
    for pattern in row.uncounted:
        assert fnmatch.filter(result.uncounted, pattern)
    assert all(any(map(partial(fnmatch.fnmatch, name), row.uncounted)) for name in result.uncounted)
