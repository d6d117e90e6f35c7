"""Data loading that resumes exactly and survives bad files."""

from .resumable_loader import ResumableDataLoader
from .same_size_batches import SameSizeBatchSampler
from .sample_fetcher import Labels

__all__ = ['Labels', 'ResumableDataLoader', 'SameSizeBatchSampler']
