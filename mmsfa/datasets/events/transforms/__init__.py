"""Transforms of event recordings, registered at mmengine's root."""

from .augment import EventPolarityFlip, EventTimeJitter, EventTimeReverse, RandomRoll
from .event_drop import EventDrop
from .events_to_image import EventsToImage
from .first_events import FirstEvents
from .har_dvs_frames import LoadEventFrames
from .load_events import LoadEvents
from .simulate_events import SimulateEvents

__all__ = [
    'EventDrop',
    'EventPolarityFlip',
    'EventTimeJitter',
    'EventTimeReverse',
    'EventsToImage',
    'FirstEvents',
    'LoadEventFrames',
    'LoadEvents',
    'RandomRoll',
    'SimulateEvents',
]
