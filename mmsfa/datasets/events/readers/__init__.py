"""Readers of event recordings, one maker of cameras a file; `read_events` tells which it is."""

from .event_array import EVENT_DTYPE, EventFileError
from .event_columns import EventColumnsError, make_events
from .reader import read_events

__all__ = ['EVENT_DTYPE', 'EventColumnsError', 'EventFileError', 'make_events', 'read_events']
