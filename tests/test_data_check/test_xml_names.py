"""Names of the things in XML files against the classes of a config."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.data_check.check_classes import ClassesError, check_classes, class_faults
from mmsfa.data_check.xml_names import compare_names, names_in, xml_folder


def config(root: Path, classes: object, names: tuple = ('cat', 'dog'), **model: object) -> Config:
    """Of a VOC data set whose pictures show a thing of each name."""
    folder = root / 'VOC2007/Annotations'
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        part = '<part><name>head</name></part>'
        text = f'<annotation><object><name>{name}</name>{part}</object></annotation>'
        (folder / f'{index}.xml').write_text(text)
    (folder / 'cut_off.xml').write_text('<annotation>')
    (root / 'list.txt').write_text('\n'.join([*map(str, range(len(names))), 'cut_off', 'none']))
    dataset = dict(
        type='VOCDataset',
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(sub_data_root='VOC2007'),
        metainfo=dict(classes=classes) if classes else {},
    )
    return Config(dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset), **model))


@pytest.mark.parametrize(
    ('classes', 'phrase'),
    [
        (('cat', 'dogs'), "'dogs' is nearest to its 'dog'"),
        (('Cat', 'dog'), "'Cat' is nearest to its 'cat'"),
        (('car', 'bus'), "none of the classes 'car', 'bus': the things in its XML files are 'cat'"),
        (('cat', 'cat'), "gets the class 'cat' twice"),
        ('dog', "classes is the text 'dog'"),
    ],
)
def test_what_is_refused(tmp_path: Path, classes: object, phrase: str) -> None:
    with pytest.raises(ClassesError) as error:
        check_classes(config(tmp_path, classes), 'train')
    assert phrase in str(error.value) and 'train_dataloader.dataset' in str(error.value)


def test_what_fits(tmp_path: Path) -> None:
    for classes in (('cat', 'dog'), ('dog', 'cat', 'a rare one')):  # any order
        assert class_faults(config(tmp_path, classes), ('train',)) == ([], [])
    faults, (note,) = class_faults(config(tmp_path, ('cat',)), ('train',))
    assert not faults and "left out: 'dog'" in note
    assert class_faults(config(tmp_path, None), ('train',)) == ([], [])  # those of VOC
    assert class_faults(config(tmp_path, ('cat',), names=()), ('train',)) == ([], [])


def test_the_head_needs_as_many_classes(tmp_path: Path) -> None:
    head = dict(type='FasterRCNN', roi_head=dict(bbox_head=dict(num_classes=3)))
    faults, _ = class_faults(config(tmp_path, None, model=head), ('train',))
    assert 'has 20 classes' in faults[0].what and 'num_classes is 3' in faults[0].what


def test_which_files_are_read(tmp_path: Path) -> None:
    names = tuple(f'n{index}' for index in range(9))
    settings = config(tmp_path, None, names).train_dataloader.dataset
    folder = xml_folder(settings)
    assert names_in(str(tmp_path / 'list.txt'), folder) == list(names)
    assert 'n0' in names_in(str(tmp_path / 'list.txt'), folder, most=3) != list(names)
    assert names_in(str(tmp_path / 'nowhere.txt'), folder) == []
    assert xml_folder(dict(data_root='a', ann_subdir='b')) == 'b'  # as mmdet joins them
    assert compare_names(('cat',), ()) == (None, None)
