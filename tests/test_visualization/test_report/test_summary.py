"""The headline, and numbers as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from mmsfa.visualization.report.summary import (
    millijoule,
    millions,
    name_of,
    names_of,
    rate,
    summary,
)

Report = dict[str, Any]


def test_headline(report: Report) -> None:
    assert summary(report) == {
        'energy for one picture': '5.40 mJ',
        'the ordinary network': '55.2 mJ',
        'ordinary / spiking': '10.22',
        'mean firing rate': '0.1500',
        'dead channels': '18 of 144 (12.5%)',
        'parameters': '4.00 M',
    }


def test_a_model_without_neurons_and_energy_has_a_headline(report: Report) -> None:
    report['neurons'] = []
    report['totals'][-1].update(firing_rate=None, energy_mj=0.0, ann_energy_mj=0.0)
    figures = summary(report)
    assert figures['ordinary / spiking'] == figures['mean firing rate'] == '–'
    assert figures['dead channels'] == '0 of 0'
    assert figures['energy for one picture'].startswith('not counted')


def test_models_of_one_config_are_told_apart(report: Report) -> None:
    assert name_of(report) == 'some_model' and names_of([report]) == ['some_model']
    assert names_of([report, report]) == ['1: some_model', '2: some_model']


@pytest.mark.parametrize(
    ('value', 'text'),
    [(1234.5, '1234'), (55.25, '55.2'), (5.4, '5.40'), (0.1, '0.100'), (0, '0.00')],
)
def test_energies_have_three_digits(value: float, text: str) -> None:
    assert millijoule(value) == text


def test_a_rate_may_be_missing() -> None:
    assert (rate(0.0), rate(0.12345), rate(None)) == ('0.0000', '0.1235', '–')
    assert millions(12_345_678) == '12.35'
