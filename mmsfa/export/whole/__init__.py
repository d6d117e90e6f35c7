"""Whole models as folders that `mmsfa.runtime` runs without PyTorch."""

from .folder import export_folder

__all__ = ['export_folder']
