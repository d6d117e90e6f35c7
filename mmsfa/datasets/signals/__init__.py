"""Signals such as speech and EEG: readers, spike encoders, transforms and data sets.

Configs name it in ``custom_imports``: ``import mmsfa`` alone does not load it. The transforms
register at mmengine's root; the data sets register in mmpretrain.
"""

from .encoding import (
    AdaptiveThreshold,
    SignalCode,
    fixed_threshold,
    moving_window_encode,
    tae_decode,
    tae_encode,
)
from .reader import Signal, SignalFileError, read_signal
from .signal_dataset import SignalDataset
from .signal_windows import SignalWindows
from .transforms.band_energies import BandEnergies
from .transforms.encode import MovingWindowEncode, StepForwardEncode, TAEDecode, TAEEncode
from .transforms.fit_signal import CropOrPadSignal, ScaleSignal
from .transforms.load_signal import LoadSignal
from .transforms.once_per_sample import OncePerSample
from .transforms.signal_to_image import SignalToImage

__all__ = [
    'AdaptiveThreshold',
    'BandEnergies',
    'CropOrPadSignal',
    'LoadSignal',
    'MovingWindowEncode',
    'OncePerSample',
    'ScaleSignal',
    'Signal',
    'SignalCode',
    'SignalDataset',
    'SignalFileError',
    'SignalToImage',
    'SignalWindows',
    'StepForwardEncode',
    'TAEDecode',
    'TAEEncode',
    'fixed_threshold',
    'moving_window_encode',
    'read_signal',
    'tae_decode',
    'tae_encode',
]
