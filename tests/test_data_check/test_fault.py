"""Faults in words."""

from __future__ import annotations

from mmsfa.data_check.fault import Fault, list_faults

FAULTS = [Fault(f'{number}.jpg', 'missing') for number in range(1003)]


def test_one_line_a_fault() -> None:
    assert str(FAULTS[7]) == '7.jpg: missing'
    assert list_faults(FAULTS[:2]) == '  0.jpg: missing\n  1.jpg: missing'
    assert list_faults([]) == ''


def test_the_rest_is_counted() -> None:
    assert list_faults(FAULTS[:2], limit=2) == list_faults(FAULTS[:2])
    assert list_faults(FAULTS, limit=1) == '  0.jpg: missing\n  ... and 1,002 more'
    assert list_faults(FAULTS).count('\n') == 20
