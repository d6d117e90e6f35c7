"""Exported models on NumPy, Pillow and onnxruntime: no torch, no OpenMMLab.

It reads the folders that ``tools/deployment/export_onnx.py --out FOLDER`` writes. Where neither
torch nor mmengine is installed, ``import mmsfa`` brings nothing else.
"""

from .folder import Folder, FolderError
from .model import Model
from .picture import PictureError
from .results import Classification, Instances, Segmentation

__all__ = [
    'Classification',
    'Folder',
    'FolderError',
    'Instances',
    'Model',
    'PictureError',
    'Segmentation',
]
