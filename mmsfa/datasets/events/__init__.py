"""Event cameras: readers, event tensors, transforms and data sets.

Configs name it in ``custom_imports``: ``import mmsfa`` alone does not load it. The transforms
register at mmengine's root, so that detection, segmentation and classification find them; the data
sets register in mmpretrain.
"""

from .dvs_gesture import DVS128Gesture
from .event_array import EVENT_DTYPE, EventFileError, make_events
from .event_augment import EventPolarityFlip, EventTimeJitter, EventTimeReverse
from .event_drop import EventDrop
from .events_to_image import EventsToImage
from .har_dvs import HARDVS
from .har_dvs_frames import LoadEventFrames
from .load_events import LoadEvents
from .random_roll import RandomRoll
from .reader import read_events
from .simulate_events import SimulateEvents
from .tensors import count_frames, voxel_grid

__all__ = [
    'EVENT_DTYPE',
    'HARDVS',
    'DVS128Gesture',
    'EventDrop',
    'EventFileError',
    'EventPolarityFlip',
    'EventTimeJitter',
    'EventTimeReverse',
    'EventsToImage',
    'LoadEventFrames',
    'LoadEvents',
    'RandomRoll',
    'SimulateEvents',
    'count_frames',
    'make_events',
    'read_events',
    'voxel_grid',
]
