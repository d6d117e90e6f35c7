"""Energy from operations."""

from __future__ import annotations

import pytest

from mmsfa.spiking import EnergyCosts


def test_energies_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r'must be >= 0 pJ, got mac_pj=-1 '):
        EnergyCosts(mac_pj=-1)


def test_energies_by_hand() -> None:
    """4.6 pJ a MAC and 0.9 pJ an addition, unless others are named; 1e9 pJ are a millijoule."""
    usual, other = EnergyCosts(), EnergyCosts(mac_pj=2, ac_pj=0)
    assert usual.ordinary_mj(1e9) == pytest.approx(4.6)
    assert usual.spiking_mj(1e9, 1e9) == pytest.approx(4.6 + 0.9)
    assert other.ordinary_mj(3e9) == pytest.approx(6) == other.spiking_mj(3e9, 1e12)
    with pytest.raises(ValueError, match=r'got mac_pj=4\.6 and ac_pj=-0\.5'):
        EnergyCosts(ac_pj=-0.5)
