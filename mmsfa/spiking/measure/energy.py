"""Energy of a pass from its operations."""

from __future__ import annotations

from dataclasses import dataclass

PJ_TO_MJ = 1e-9


@dataclass(frozen=True)
class EnergyCosts:
    """Energy of one operation in picojoule; the defaults are for 32-bit floats in 45 nm.

    Source: Horowitz, "Computing's energy problem", ISSCC 2014, as the E-SpikeFormer paper uses it.

    Attributes:
        mac_pj: One multiply-accumulate.
        ac_pj: One accumulate (an addition).

    Raises:
        ValueError: A cost is negative.
    """

    mac_pj: float = 4.6
    ac_pj: float = 0.9

    def __post_init__(self) -> None:
        if self.mac_pj < 0 or self.ac_pj < 0:
            raise ValueError(
                f'Energies of an operation must be >= 0 pJ, got mac_pj={self.mac_pj} and '
                f'ac_pj={self.ac_pj}.'
            )

    def spiking_mj(self, analog_macs: float, acs: float) -> float:
        """Millijoule of a spiking pass: MACs where real values arrive, additions elsewhere."""
        return (self.mac_pj * analog_macs + self.ac_pj * acs) * PJ_TO_MJ

    def ordinary_mj(self, macs: float) -> float:
        """Millijoule of the ordinary network of the same layers: a MAC for every weight."""
        return self.mac_pj * macs * PJ_TO_MJ
