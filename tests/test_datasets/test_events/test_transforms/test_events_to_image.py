"""Forms of the event tensor."""

from __future__ import annotations

import pytest

T, SHAPE = 8, (34, 34)


@pytest.mark.parametrize('settings', [
    dict(by='voxel'), dict(by='voxel', signed=True), dict(by='count', clip=1.0),
])  # fmt: skip
def test_forms_of_the_tensor(build, sample: dict, settings: dict) -> None:
    img = build('EventsToImage', T=T, **settings)(sample)['img']
    signed = settings.get('signed', False)
    assert img.shape == (*SHAPE, T if signed else 2 * T)
    assert (img.min() < 0) == signed
    assert (img.max() == 1) == ('clip' in settings)


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('EventsToImage', dict(T=2, by='sum'), "got 'sum'"),
    ('EventsToImage', dict(T=2, signed=True), "needs by='voxel'"),
    ('EventsToImage', dict(T=2, clip=0), 'clip'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(kind, **settings)
