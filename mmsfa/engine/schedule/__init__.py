"""The schedule of a config against that of a checkpoint: compare, move its ends, step it again."""

from .comparison import parts_of
from .moved_ends import MovedEnds
from .replay import back_to_start, replay
from .run_length import Length

__all__ = ['Length', 'MovedEnds', 'back_to_start', 'parts_of', 'replay']
