"""Deployment: models as files that run elsewhere."""

from .fold import fold

__all__ = ['fold']
