"""What goes wrong in a conversion."""

from __future__ import annotations

from mmsfa.engine.errors import UserError


class ConversionError(UserError, ValueError):
    """The checkpoint is no published E-SpikeFormer, or not all of it could be converted."""
