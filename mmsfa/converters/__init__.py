"""Published checkpoints in our names: what they are, and what belongs where."""

from .cnns import convert_cnn
from .convert import convert, differences, target_names, why_unused
from .foreign import ConversionError, refuse_foreign
from .layouts import Layout, recognise

__all__ = [
    'ConversionError',
    'Layout',
    'convert',
    'convert_cnn',
    'differences',
    'recognise',
    'refuse_foreign',
    'target_names',
    'why_unused',
]
