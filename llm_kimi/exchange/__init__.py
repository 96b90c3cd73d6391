"""One conversation with the API, as a generator that does no I/O.

``Exchange.steps`` yields what it needs (``Call``, ``Read``, ``Wait``, ``Fork``, ``FileCall``,
``FormulaCall``, ``Work``) and what it has (``Chunks``, ``Notice``); a transport performs the former
and sends the result back, and hands the latter on. One body of logic serves sync and async, like
httpx's ``Auth.auth_flow``.

What it decides: retries, the tool_choice fallback, several choices, when an answer is complete.
"""

from __future__ import annotations

from .chat import NUDGE, Exchange
from .retry import LONGEST_WAIT, MAX_RETRIES, Retry
from .steps import (
    AT_ONCE,
    Answer,
    Call,
    Chunks,
    Failed,
    FileCall,
    Files,
    Fork,
    FormulaCall,
    Notice,
    OfficialTools,
    Read,
    Step,
    Steps,
    Stepwise,
    Target,
    ToolRun,
    Upload,
    Wait,
    Waiting,
    Work,
)

__all__ = [
    "AT_ONCE",
    "LONGEST_WAIT",
    "MAX_RETRIES",
    "NUDGE",
    "Answer",
    "Call",
    "Chunks",
    "Exchange",
    "Failed",
    "FileCall",
    "Files",
    "Fork",
    "FormulaCall",
    "Notice",
    "OfficialTools",
    "Read",
    "Retry",
    "Step",
    "Steps",
    "Stepwise",
    "Target",
    "ToolRun",
    "Upload",
    "Wait",
    "Waiting",
    "Work",
]
