"""What a tool shows of an error, and what it keeps."""

from .explain import explain, sentence_of
from .log_file import to_log_file

__all__ = ['explain', 'sentence_of', 'to_log_file']
