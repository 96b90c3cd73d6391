"""The reply: bytes to chunks, chunks to the whole message, and back to the caller's form."""

from .collect import Collector
from .failures import api_error, error_of
from .reader import Reader, completion_to_chunk
from .restore import Restorer
from .usage import add_usage, normal_usage

__all__ = [
    "Collector",
    "Reader",
    "Restorer",
    "add_usage",
    "api_error",
    "completion_to_chunk",
    "error_of",
    "normal_usage",
]
