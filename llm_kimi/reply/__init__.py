"""The reply: bytes to chunks, chunks to the whole message, and back to the caller's form."""

from .accumulate import Collector
from .api_errors import api_error, error_of
from .chunk_fields import completion_to_chunk
from .reader import Reader
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
