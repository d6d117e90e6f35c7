"""Lists of pictures and labels, and one folder a class."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.data_check.class_lists import check_class_folders, check_list


def found(tmp_path: Path, text: str | bytes, with_label: bool = True) -> tuple[list, list[str]]:
    """The files that a list of two classes names, and what is said about it."""
    path = tmp_path / 'list.txt'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    files, faults = check_list(str(path), 'folder', with_label, 2)
    assert {fault.path for fault in faults} <= {str(path)}
    return files, [fault.what for fault in faults]


def test_a_sound_list_gives_its_files(tmp_path: Path) -> None:
    assert found(tmp_path, 'a/0.jpg 0\na b.jpg 1\na/0.jpg 0\n') == (
        ['folder/a/0.jpg', 'folder/a b.jpg', 'folder/a/0.jpg'],
        [],
    )
    assert found(tmp_path, 'a 0.jpg\nb.jpg', with_label=False) == (
        ['folder/a 0.jpg', 'folder/b.jpg'],
        [],
    )
    assert check_list(str(tmp_path / 'list.txt'), '', False, None) == (['a 0.jpg', 'b.jpg'], [])


def test_each_faulty_line_is_named_and_its_file_is_checked_nevertheless(tmp_path: Path) -> None:
    files, whats = found(tmp_path, 'a.jpg 0\nb.jpg 2\na.jpg 1\nc.jpg one\n\nd.jpg')
    assert files == [f'folder/{name}.jpg' for name in 'abac']
    assert whats == [
        'line 2: label 2 of b.jpg is not in 0..1',
        'line 3: a.jpg has label 1 here and 0 before',
        'line 4: expected "<file> <label>", got \'c.jpg one\'',
        'line 5: expected "<file> <label>", got \'\'',
        'line 6: expected "<file> <label>", got \'d.jpg\'',
    ]
    assert found(tmp_path, 'a.jpg\n\n', with_label=False)[1] == [
        'line 2: expected "<file>", got \'\''
    ]


@pytest.mark.parametrize(
    ('text', 'phrase'),
    [('', 'empty (0 bytes)'), (b'\xff\xfe a 1', 'cannot be read as text (')],
)
def test_a_list_that_cannot_be_read(tmp_path: Path, text: str | bytes, phrase: str) -> None:
    files, (what,) = found(tmp_path, text)
    assert not files and what.startswith(phrase)


def test_folders_of_classes(tmp_path: Path) -> None:
    folder, gone = str(tmp_path), str(tmp_path / 'gone')
    for name in ('a/inner', 'b'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'a/inner/0.jpg').touch()
    (tmp_path / 'b/0.jpg').touch()
    (tmp_path / 'list.txt').touch()  # no class
    assert check_class_folders(folder, None) == check_class_folders(folder, ['x', 'y']) == []
    assert check_class_folders(folder, 'xyz') == [(folder, '2 folders for 3 classes')]
    (tmp_path / 'b/0.jpg').unlink()
    assert check_class_folders(folder, None) == [(f'{folder}/b', 'a class without any file')]
    assert check_class_folders(gone, None) == [(gone, 'cannot be read (No such file or directory)')]
