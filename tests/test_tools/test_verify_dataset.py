"""tools/misc/verify_dataset.py names every fault of faulty copies, and none of sound sets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DATASETS
from PIL import Image

TOOL = 'tools/misc/verify_dataset.py'
DET, SEG = 'configs/det/mask_rcnn_esf_demo.py', 'configs/seg/upernet_esf_demo.py'
JPEG = cv2.imencode('.jpg', np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8))[1]
JPEG = JPEG.tobytes()


@pytest.fixture
def verify(call_tool: Callable[..., str], capsys: pytest.CaptureFixture) -> Callable:
    """Run the tool in this process; gives (exit code, what it printed without line breaks)."""

    def call(config: object, root: Path, *args: object) -> tuple[int, str]:
        options = ('--workers', 0) if '--workers' not in args else ()
        args = (config, *args, *options, '--cfg-options', f'data_root={root}')
        try:
            return 0, call_tool(TOOL, *args)
        except SystemExit as error:
            return error.code, capsys.readouterr().out

    return call


@pytest.fixture
def shapes(shapes_dir: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(shapes_dir, tmp_path / 'shapes'))


def cells(printed: str, number: int) -> str:
    """One column of the table, with the folded lines of each cell joined."""
    rows = [line.split('│') for line in printed.splitlines() if line.startswith('│')]
    return ''.join(row[number].strip() for row in rows)


def text(printed: str) -> str:
    """The column of faults without blanks: the table breaks lines anywhere."""
    return cells(printed, 3).replace(' ', '')


def spoil(pictures: list[Path]) -> list[str]:
    """Give the first pictures one fault each; returns what must be said about them."""
    zero = bytearray(pictures[4].read_bytes())
    if zero.startswith(b'\x89PNG'):
        zero[16:20] = bytes(4)
    else:
        frame = zero.index(b'\xff\xc0')
        zero[frame + 5 : frame + 7] = bytes(2)
    pictures[0].unlink()
    pictures[1].write_bytes(b'')
    pictures[2].write_bytes(b'<html>not found</html>')
    pictures[3].write_bytes(pictures[3].read_bytes()[:-50])
    pictures[4].write_bytes(zero)
    return ['missing', 'empty(0bytes)', 'nopicture', 'truncated', 'ofzerosize']


def test_faults_of_a_detection_set(verify: Callable, shapes: Path) -> None:
    assert verify(DET, shapes)[0] == 0
    phrases = spoil(sorted((shapes / 'images/training').iterdir()))
    middle = shapes / 'images/training/000005.png'  # both ends stay sound
    data = bytearray(middle.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    middle.write_bytes(data)
    cv2.imwrite(str(shapes / 'images/training/000006.png'), np.zeros((64, 64, 3), np.uint8))
    path = shapes / 'annotations/instances_val.json'
    content = json.loads(path.read_text())
    for index, change in enumerate((dict(bbox=[300, 0, 20, 20]), dict(segmentation=[]))):
        picture = content['images'][index]['id']
        next(a for a in content['annotations'] if a['image_id'] == picture).update(change)
    path.write_text(json.dumps(content))
    code, printed = verify(DET, shapes)
    assert code == 1
    for index in range(7):
        assert f'images/training/{index:06d}.png' in cells(printed, 2)
    for phrase in (*phrases, '64x64pixels,butitsannotationsarefor128x128',
                   'liesoutsidethepicture', 'themaskhasnopolygon'):  # fmt: skip
        assert phrase in text(printed), phrase
    assert 'train: 8 files, 7 faults' in printed and 'val, test: 4 files, 2 faults' in printed
    code, printed = verify(DET, shapes, '--quick', '--splits', 'train')
    assert code == 1 and 'train: 8 files, 6 faults' in printed  # the ends of one are sound


@pytest.mark.parametrize('config', [DET, SEG])
def test_orientation_tags(verify: Callable, shapes: Path, config: str) -> None:
    """A turn shows in the sizes, unless the picture is a square: then it is named, no fault."""
    square, wide = sorted((shapes / 'images/training').iterdir())[:2]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(square).save(square, exif=exif.tobytes())
    code, printed = verify(config, shapes, '--splits', 'train')
    assert code == 0 and '1 pictures with an orientation tag' in printed
    assert f'{square}: orientation tag 6 (EXIF), read turned' in printed
    Image.new('RGB', (128, 100)).save(wide, exif=exif.tobytes())
    if config == SEG:
        label_map = shapes / 'annotations/training' / wide.name
        Image.new('L', (128, 100), 1).save(label_map)
    else:
        path = shapes / 'annotations/instances_train.json'
        content = json.loads(path.read_text())
        content['images'][1]['height'] = 100
        content['annotations'] = [a for a in content['annotations'] if a['image_id'] != 1]
        path.write_text(json.dumps(content))
    code, printed = verify(config, shapes, '--splits', 'train')
    assert code == 1 and 'withorientationtag6(EXIF)itisreadturned,100x128' in text(printed)
    assert "setcolor_type='color_ignore_orientation'" in text(printed)


@pytest.mark.parametrize('change', ['cut', 'duplicate', 'no size'])
def test_an_annotation_file_that_breaks_the_class(
    verify: Callable, shapes: Path, change: str
) -> None:
    path = shapes / 'annotations/instances_train.json'
    content = json.loads(path.read_text())
    if change == 'duplicate':
        content['annotations'][1]['id'] = content['annotations'][0]['id']
    elif change == 'no size':
        del content['images'][0]['height']
    written = json.dumps(content)
    path.write_text(written[:-1000] if change == 'cut' else written)
    code, printed = verify(DET, shapes, '--splits', 'train')
    phrase = {'cut': 'noJSON,orcutoff', 'duplicate': 'occurstwice', 'no size': 'novalidwidth'}
    assert code == 1 and phrase[change] in text(printed)
    number = 0 if change == 'cut' else 8  # the pictures are checked nevertheless
    assert f'train: {number} files, 1 faults' in printed


def test_classes_that_the_files_do_not_have(verify: Callable, shapes: Path) -> None:
    path = shapes / 'annotations/instances_val.json'
    content = json.loads(path.read_text())
    content['categories'][1]['name'] = 'Square'
    path.write_text(json.dumps(content))
    code, printed = verify(DET, shapes)
    assert code == 1 and "'square'isnearesttoits'Square'" in text(printed)
    assert 'train: 8 files, 0 faults' in printed
    path.write_text('[]')
    code, printed = verify(DET, shapes, '--splits', 'val')
    assert code == 1 and 'thisoneisalist' in text(printed)


def test_faults_of_a_segmentation_set(verify: Callable, shapes: Path) -> None:
    assert verify(SEG, shapes)[0] == 0
    maps = sorted((shapes / 'annotations/training').iterdir())
    phrases = spoil(maps)
    values = cv2.imread(str(maps[5]), cv2.IMREAD_UNCHANGED)
    values[:2, :5] = 9  # the classes are 1..6, and 0 is unlabeled
    cv2.imwrite(str(maps[5]), values)
    cv2.imwrite(str(maps[6]), values[:50])
    cv2.imwrite(str(maps[7]), np.dstack([values] * 3))
    code, printed = verify(SEG, shapes)
    assert (
        code == 1 and 'train: 16 files, 8 faults' in printed and 'val, test: 8 files, 0' in printed
    )
    for phrase in (*phrases, '10pixelsofthelabelmaphavevalues', 'classes(9;theclassesare1..6)',
                   'alabelmapof128x50pixels', 'hasonechannel,thisonehas3'):  # fmt: skip
        assert phrase in text(printed), phrase


def test_classes_that_no_label_map_shows(verify: Callable, shapes: Path) -> None:
    for path in (shapes / 'annotations/validation').iterdir():
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        values[values == 2] = 0  # square
        cv2.imwrite(str(path), values)
    code, printed = verify(SEG, shapes, '--splits', 'val')
    assert code == 0  # a small set may lack a class
    assert 'val: No label map shows 1 of 6 classes (square), so nothing' in printed
    assert 'No label map' not in verify(SEG, shapes, '--splits', 'val', '--quick')[1]


CONFIG = """
_base_ = '{root}/configs/_base_/default_runtime_cls.py'
data_root = {data!r}
train_dataloader = dict(dataset=dict(
    type='CustomDataset', data_root={data!r}, classes=['a', 'b'], pipeline=[], {options}))
"""


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """Two class folders of eight pictures, and a list of them."""
    root = tmp_path / 'flowers'
    lines = []
    for label, name in enumerate('ab'):
        (root / name).mkdir(parents=True)
        for index in range(8):
            (root / name / f'{index}.jpg').write_bytes(JPEG)
            lines.append(f'{name}/{index}.jpg {label}')
    (root / 'list.txt').write_text('\n'.join(lines))
    return root


def test_class_folders(verify: Callable, flowers: Path, repo_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / 'folders.py'
    config.write_text(CONFIG.format(root=repo_dir, data=str(flowers), options="data_prefix=''"))
    code, printed = verify(config, flowers)
    assert code == 0 and 'train: 16 files' in printed
    phrases = spoil(sorted((flowers / 'b').iterdir()))[1:]  # nothing names what is missing
    (flowers / 'c').mkdir()
    code, printed = verify(config, flowers)
    assert code == 1
    for phrase in (*phrases, 'aclasswithoutanyfile', '3foldersfor2classes'):
        assert phrase in text(printed), phrase


def test_class_lists(verify: Callable, flowers: Path, repo_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / 'lists.py'
    options = "ann_file='list.txt', data_prefix=''"
    config.write_text(CONFIG.format(root=repo_dir, data=str(flowers), options=options))
    assert verify(config, flowers)[0] == 0
    phrases = spoil(sorted((flowers / 'b').iterdir()))
    with (flowers / 'list.txt').open('a') as file:
        file.write('\na/0.jpg 7\na/1.jpg 1')
    code, printed = verify(config, flowers)
    assert code == 1
    for phrase in (*phrases, 'line17:label7ofa/0.jpgisnotin0..1', 'line18:a/1.jpghaslabel1here'):
        assert phrase in text(printed), phrase
    (flowers / 'list.txt').write_text('a/0.jpg 0\na/1.jpg\nb/1.jpg 1')
    code, printed = verify(config, flowers)
    assert code == 1 and 'line2:expected"<file><label>"' in text(printed)
    assert 'empty(0bytes)' in text(printed)  # files are checked nevertheless


def test_processes_find_the_same(verify: Callable, shapes: Path) -> None:
    spoil(sorted((shapes / 'images/training').iterdir()))
    alone = verify(DET, shapes)
    together = verify(DET, shapes, '--workers', 2)
    assert alone[0] == together[0] == 1
    assert [cells(alone[1], i) for i in (2, 3)] == [cells(together[1], i) for i in (2, 3)]


def test_event_files(verify: Callable, repo_dir: Path, tmp_path: Path) -> None:
    for split in ('Train', 'Test'):
        for digit in range(10):
            path = tmp_path / split / str(digit) / '0.bin'
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(5 * 3))
    config = 'configs/dvs/esf_nmnist.py'
    assert verify(config, tmp_path)[0] == 0
    path.write_bytes(bytes(5 * 3 + 1))
    code, printed = verify(config, tmp_path)
    assert code == 1 and 'atbyte' in text(printed) and 'Test/9/0.bin' in cells(printed, 2)


OWN = """
_base_ = '{root}/configs/_base_/default_runtime_cls.py'
custom_imports = dict(imports=['mmsfa'])
model = dict(type='mmpretrain.ImageClassifier')
train_dataloader = dict(dataset=dict(type='OwnNumbers', length=3))
"""


class OwnNumbers:
    """Has neither a pipeline nor files."""

    def __init__(self, length: int) -> None:
        self.length = length


def test_a_set_that_names_no_files_is_told(
    verify: Callable, repo_dir: Path, tmp_path: Path
) -> None:
    DATASETS.register_module(module=OwnNumbers, force=True)
    config = tmp_path / 'own.py'
    config.write_text(OWN.format(root=repo_dir))
    code, printed = verify(config, tmp_path)
    DATASETS.module_dict.pop('OwnNumbers')
    assert code == 0 and 'train_dataloader.dataset does not say which files' in printed
