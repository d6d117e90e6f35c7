"""mmcv's compiled operators without a compiler: on torchvision's, or in plain torch."""

from .stand_in import COMPILE, OPERATORS, install, is_stand_in
from .torchvision_ops import torchvision_loads

__all__ = ['COMPILE', 'OPERATORS', 'install', 'is_stand_in', 'torchvision_loads']
