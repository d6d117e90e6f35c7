"""Signals from files of four kinds."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from mmsfa.datasets.signals.reader import SignalFileError, read_signal
from mmsfa.errors import UserError

CSV = 'O1,O2,class\n1,2,0\n3,4,1\n5,6.5,1\n'


def write_edf(path: Path, signals: np.ndarray, rate: int) -> None:
    """The least that EDF has: one record, integers that are their own physical values."""
    number = len(signals)
    fields = [('0', 8), ('X', 80), ('X', 80), ('01.01.20', 8), ('00.00.00', 8)]
    fields += [(str(256 * (number + 1)), 8), ('', 44), ('1', 8), ('1', 8), (str(number), 4)]
    for text, width in (('', 16), ('', 80), ('uV', 8), ('-32768', 8), ('32767', 8)):
        fields += [(text or f'E{i}', width) for i in range(number)]
    for text, width in (('-32768', 8), ('32767', 8), ('', 80), (str(rate), 8), ('', 32)):
        fields += [(text, width)] * number
    header = ''.join(text.ljust(width) for text, width in fields)
    path.write_bytes(header.encode() + signals.astype('<i2').tobytes())


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / 'a.csv'
    path.write_text(CSV)
    signal = read_signal(path)
    assert signal.names == ('O1', 'O2', 'class') and signal.rate is None
    assert signal.values.dtype == np.float32
    assert signal.values.tolist() == [[1, 3, 5], [2, 4, 6.5], [0, 1, 1]]
    assert read_signal(path, ['O2', 'O1']).values.tolist() == [[2, 4, 6.5], [1, 3, 5]]


def test_numpy(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.arange(6).reshape(2, 3))
    np.save(tmp_path / 'b.npy', np.arange(6.0))
    assert read_signal(tmp_path / 'a.npy').values.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_signal(tmp_path / 'b.npy').values.shape == (1, 6)


def test_wav(tmp_path: Path) -> None:
    pytest.importorskip('soundfile')
    with wave.open(str(tmp_path / 'a.wav'), 'wb') as file:
        file.setparams((2, 2, 8000, 0, 'NONE', None))
        file.writeframes(np.array([[0, 16384], [-32768, 8192]], '<i2').tobytes())
    signal = read_signal(tmp_path / 'a.wav')
    assert signal.rate == 8000 and signal.values.tolist() == [[0, -1], [0.5, 0.25]]
    (tmp_path / 'b.wav').write_bytes(b'RIFFnothing')
    with pytest.raises(SignalFileError, match=r'b\.wav cannot be read: a sound was expected'):
        read_signal(tmp_path / 'b.wav')


def test_edf(tmp_path: Path) -> None:
    pytest.importorskip('mne')
    values = np.array([[1, -2, 3, 4], [0, 50, 100, -100]])
    write_edf(tmp_path / 'a.edf', values, 4)
    signal = read_signal(tmp_path / 'a.edf', ['E1'])
    assert signal.rate == 4 and signal.names == ('E1',)
    assert np.allclose(signal.values, values[1:] * 1e-6)  # mne gives volts
    (tmp_path / 'b.edf').write_bytes(b'no EDF')
    with pytest.raises(SignalFileError, match='EDF was expected'):
        read_signal(tmp_path / 'b.edf')


@pytest.mark.parametrize('suffix', ['.wav', '.edf'])
def test_a_missing_package_is_named(suffix: str, tmp_path: Path, monkeypatch) -> None:
    package = {'.wav': 'soundfile', '.edf': 'mne'}[suffix]
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f'a{suffix}'
    path.write_bytes(b'')
    with pytest.raises(UserError, match=rf'needs the package {package}: pip install'):
        read_signal(path)


@pytest.mark.parametrize(('name', 'text', 'words'), [
    ('a.csv', 'a,b\n', 'fewer than two lines'),
    ('a.csv', 'a,b\n1,2\n3,x\n', '2 numbers were expected in row 3'),
    ('a.csv', 'a,b\n1,2\n3\n', '2 numbers were expected in row 3'),
    ('a.csv', 'a,b\n1,2,3\n', '2 numbers a row were expected, got 3'),
    ('a.csv', 'a,b\n1,2\n3,nan\n', 'finite values were expected, got another at sample 1'),
    ('a.npy', 'no array', 'an array was expected'),
    ('a.mp3', '', r'a signal was expected \(\.wav'),
])  # fmt: skip
def test_what_is_no_signal_is_refused(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SignalFileError, match=words) as caught:
        read_signal(tmp_path / name)
    assert str(caught.value).startswith(f'{tmp_path / name} cannot be read: ')


def test_channels_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / 'a.csv').write_text(CSV)
    with pytest.raises(SignalFileError, match="channel 'Cz' was expected, got O1, O2, class"):
        read_signal(tmp_path / 'a.csv', ['O1', 'Cz'])
    with pytest.raises(FileNotFoundError, match='no signal'):
        read_signal(tmp_path / 'b.csv')
    np.save(tmp_path / 'a.npy', np.zeros((1, 2, 3)))
    with pytest.raises(SignalFileError, match=r'\(L,\) or \(C, L\) were expected'):
        read_signal(tmp_path / 'a.npy')
