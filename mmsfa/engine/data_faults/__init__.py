"""Faults in data sets: missing, damaged and wrongly annotated files, found before they do harm."""

from .data_check_hook import DataCheckHook
from .fault import DataFaultError, Fault
from .images import check_image
from .samples import check_labels, diagnose, files_of

__all__ = [
    'DataCheckHook',
    'DataFaultError',
    'Fault',
    'check_image',
    'check_labels',
    'diagnose',
    'files_of',
]
