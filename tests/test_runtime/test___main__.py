"""The command line: prints, draws, writes JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmsfa.errors import UserError
from mmsfa.runtime import Classification, Instances, Segmentation, __main__

SETTINGS = dict(classes=['cat', 'dog'], palette=None, category_ids=[5, 6], graphs={})
BOXES = np.array([[1, 1, 9, 9]] * 3, np.float32)
INSTANCES = Instances(BOXES, np.array([0.9, 0.8, 0.1], np.float32), np.array([1, 1, 0]))
RESULTS = {
    '2 dog': INSTANCES,
    'cat 25.0%, dog 75.0%': Segmentation(np.array([[0, 1], [1, 1]]).repeat(10, 0).repeat(10, 1)),
    'dog 0.750': Classification(np.array([0.25, 0.75], np.float32)),
}


class Known(__main__.Model):
    """A model with the same result for each picture."""

    result: Any = None

    def __call__(self, picture: Any) -> Any:
        assert picture.shape == (20, 20, 3)
        return self.result


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(__main__, 'Model', Known)
    Path('model').mkdir()
    Path('model/pipeline.json').write_text(json.dumps(dict(format=1) | SETTINGS))
    Path('pictures').mkdir()
    for name in ('a.png', 'b.jpg'):
        Image.new('RGB', (20, 20), (90, 90, 90)).save(f'pictures/{name}')
    Path('pictures/notes.txt').write_text('no picture')
    return tmp_path


@pytest.mark.parametrize('said', RESULTS)
def test_a_picture(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(Known, 'result', RESULTS[said])
    __main__.main(['model', 'pictures/a.png', '--out', 'new/drawn.png', '--json', 'new/found.json'])
    assert capsys.readouterr().out == f'a.png: {said}\n'
    assert np.asarray(Image.open('new/drawn.png')).std() > 0
    rows = json.loads(Path('new/found.json').read_text())
    assert {row['image_id'] for row in rows} == {'a.png'}
    if said == '2 dog':
        assert [row['category_id'] for row in rows] == [6, 6, 5]
    elif 'dog 75' in said:
        assert rows[0]['pixels'] == dict(cat=0.25, dog=0.75)
    else:
        assert rows[0]['category'] == 'dog' and rows[0]['scores']['cat'] == 0.25


def test_a_folder_of_pictures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(Known, 'result', INSTANCES)
    __main__.main(['model', 'pictures', '--out', 'drawn', '--score-thr', '0.95'])
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(':')[0] for line in said] == ['a.png', 'b.jpg']
    assert said[0].endswith('nothing of a score of at least 0.95')
    assert sorted(path.name for path in Path('drawn').iterdir()) == ['a.png', 'b.png']


def test_nothing_to_look_at() -> None:
    Path('empty').mkdir()
    with pytest.raises(UserError, match='empty must be a picture or a folder of pictures'):
        __main__.main(['model', 'empty'])
