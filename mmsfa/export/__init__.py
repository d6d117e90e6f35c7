"""Deployment: models as files that run elsewhere."""

from mmsfa.layers.fold import fold

__all__ = ['fold']
