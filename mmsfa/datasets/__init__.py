"""Data sets: the embedded Shapes. `mmsfa.datasets.events` and `.signals` are imported apart."""

from .shapes import CLASSES, PALETTE, STUFF, THINGS, Instance, draw_shapes, write_shapes

__all__ = ['CLASSES', 'PALETTE', 'STUFF', 'THINGS', 'Instance', 'draw_shapes', 'write_shapes']
