"""An offline Kimi: a loopback server that enforces the API's rules in the API's own words.

    with Simulator() as kimi:
        client = OpenAI(base_url=kimi.base_url, api_key=kimi.key)

``check_chat`` gives the first rule a request breaks without any server. What the answers say can
be scripted in the user message, see ``script``; what goes wrong, see ``faults``.
"""

from .rules.chat import Refusal, check_chat, ignored
from .server import Simulator

__all__ = ["Refusal", "Simulator", "check_chat", "ignored"]
