"""The Shapes data set, drawn with numpy and OpenCV: nothing here imports an OpenMMLab package."""

from .shapes import CLASSES, PALETTE, STUFF, THINGS, Instance, draw_shapes
from .shapes_writer import write_shapes

__all__ = ['CLASSES', 'PALETTE', 'STUFF', 'THINGS', 'Instance', 'draw_shapes', 'write_shapes']
