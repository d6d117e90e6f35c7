"""Preprocessing of pictures with any number of channels for mmdet."""

from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.registry import MODELS

from mmsfa.layers.any_channels import AnyChannels


@MODELS.register_module()
class AnyChannelsDetDataPreprocessor(AnyChannels, DetDataPreprocessor):
    """mmdet's ``DetDataPreprocessor`` with a ``mean`` and ``std`` of any length."""
