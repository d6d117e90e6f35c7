"""What a tool shows of an error, and what it keeps."""

from .explain import explain
from .log_file import to_log_file

__all__ = ['explain', 'to_log_file']
