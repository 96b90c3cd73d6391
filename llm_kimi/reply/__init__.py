"""The reply: bytes to chunks, chunks to the whole message, and back to the caller's form."""

from .collect import Collector
from .failures import api_error, error_of
from .held import Held
from .reader import Reader
from .restore import Restorer
from .shapes import completion_to_chunk
from .usage import add_usage, normal_usage

__all__ = [
    "Collector",
    "Held",
    "Reader",
    "Restorer",
    "add_usage",
    "api_error",
    "completion_to_chunk",
    "error_of",
    "normal_usage",
]
