"""Every node of a config is met, and may be changed on the way."""

from __future__ import annotations

import pytest

from mmsfa.config.walk import walk, with_pipeline


def test_every_node_has_its_key() -> None:
    cfg = dict(a=[dict(b=1), (2, 'x')], c=None)
    assert dict(walk(cfg)) == {
        '': cfg, 'a': cfg['a'], 'a.0': dict(b=1), 'a.0.b': 1, 'a.1': (2, 'x'), 'a.1.0': 2,
        'a.1.1': 'x', 'c': None,
    }  # fmt: skip
    assert dict(walk(3, 'model.depth')) == {'model.depth': 3}


def test_what_is_put_into_a_node_is_met() -> None:
    met = []
    for key, node in walk(dict(type='A')):
        met.append(key)
        if node == dict(type='A'):
            node['inner'] = dict(type='B')
    assert met == ['', 'type', 'inner', 'inner.type']


PLAIN = dict(type='CocoDataset', pipeline=[1])
BALANCED = dict(type='ClassBalancedDataset', dataset=PLAIN)


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [
        (PLAIN, PLAIN),
        (dict(type='RepeatDataset', dataset=BALANCED), PLAIN),
        (mixed := dict(type='MultiImageMixDataset', dataset=PLAIN, pipeline=[2]), mixed),
        (empty := {}, empty),
    ],
)
def test_the_data_set_that_prepares_its_samples(settings: dict, expected: dict) -> None:
    assert with_pipeline(settings) is expected
