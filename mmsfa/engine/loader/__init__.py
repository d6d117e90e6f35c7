"""Data loading that resumes exactly and survives bad files."""

from .resumable_loader import ResumableDataLoader
from .sample_fetcher import Labels

__all__ = ['Labels', 'ResumableDataLoader']
