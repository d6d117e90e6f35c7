"""Event cameras: readers, event tensors, transforms and data sets.

Configs name it in ``custom_imports``: ``import mmsfa`` alone does not load it. The transforms
register at mmengine's root, so that detection, segmentation and classification find them; the data
sets register in mmpretrain.
"""

from .dvs_gesture import DVS128Gesture
from .har_dvs import HARDVS
from .readers.event_array import EVENT_DTYPE, EventFileError
from .readers.event_columns import EventColumnsError, make_events
from .readers.prophesee import write_dat
from .readers.reader import read_events
from .tensors import count_frames, voxel_grid
from .transforms.augment import EventPolarityFlip, EventTimeJitter, EventTimeReverse, RandomRoll
from .transforms.event_drop import EventDrop
from .transforms.events_to_image import EventsToImage
from .transforms.first_events import FirstEvents
from .transforms.har_dvs_frames import LoadEventFrames
from .transforms.load_events import LoadEvents
from .transforms.simulate_events import SimulateEvents

__all__ = [
    'EVENT_DTYPE',
    'HARDVS',
    'DVS128Gesture',
    'EventColumnsError',
    'EventDrop',
    'EventFileError',
    'EventPolarityFlip',
    'EventTimeJitter',
    'EventTimeReverse',
    'EventsToImage',
    'FirstEvents',
    'LoadEventFrames',
    'LoadEvents',
    'RandomRoll',
    'SimulateEvents',
    'count_frames',
    'make_events',
    'read_events',
    'voxel_grid',
    'write_dat',
]
