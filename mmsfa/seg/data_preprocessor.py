"""Preprocessing of pictures with any number of channels for mmseg."""

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS

from mmsfa.layers.any_channels import AnyChannels


@MODELS.register_module()
class AnyChannelsSegDataPreProcessor(AnyChannels, SegDataPreProcessor):
    """mmseg's ``SegDataPreProcessor`` with a ``mean`` and ``std`` of any length."""
