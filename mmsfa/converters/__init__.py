"""Published checkpoints in our names: what they are, and what belongs where."""

from .compare import differences
from .convert import convert, target_names
from .errors import ConversionError
from .foreign import refuse_foreign
from .layouts import Layout, recognise
from .unused import why_unused

__all__ = [
    'ConversionError',
    'Layout',
    'convert',
    'differences',
    'recognise',
    'refuse_foreign',
    'target_names',
    'why_unused',
]
