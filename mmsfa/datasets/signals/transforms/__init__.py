"""Transforms of signals, registered at mmengine's root."""

from .band_energies import BandEnergies
from .encode import MovingWindowEncode, StepForwardEncode, TAEDecode, TAEEncode
from .fit_signal import CropOrPadSignal, ScaleSignal
from .load_signal import LoadSignal
from .once_per_sample import OncePerSample
from .signal_to_image import SignalToImage

__all__ = [
    'BandEnergies',
    'CropOrPadSignal',
    'LoadSignal',
    'MovingWindowEncode',
    'OncePerSample',
    'ScaleSignal',
    'SignalToImage',
    'StepForwardEncode',
    'TAEDecode',
    'TAEEncode',
]
