"""Faults in data sets: missing, damaged and wrongly annotated files, found before they do harm."""

from .diagnose import check_labels, diagnose, files_of
from .fault import DataFaultError, Fault
from .sample_file import check_image

__all__ = [
    'DataFaultError',
    'Fault',
    'check_image',
    'check_labels',
    'diagnose',
    'files_of',
]
