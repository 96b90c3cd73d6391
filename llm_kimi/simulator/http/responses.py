"""How answers leave: JSON or bytes with the record of the request, and breaking off midway."""

from __future__ import annotations

import hashlib
import json
import socket
from typing import Any

from ..state import State
from .faults import Fault
from .wire import Wire

__all__ = ["Answers", "Dropped"]


class Dropped(Exception):
    """The connection shall break now."""


class Answers(Wire):
    """What every endpoint needs: the simulator, the request's record, key and fault."""

    def __init__(
        self, request: socket.socket, address: Any, server: Any, simulator: State, number: int
    ) -> None:
        self.simulator = simulator
        self.number = number
        self.fault = Fault()
        self.record: dict[str, Any] = {}
        self.token = ""
        super().__init__(request, address, server)

    def _owner(self) -> str:
        """The account: a hash, so that no key is kept."""
        return hashlib.sha256(self.token.encode()).hexdigest()

    def _json(self, status: int, body: object, headers: dict[str, str] | None = None) -> bytes:
        text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return self._send(status, text, "application/json", headers or {})

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> bytes:
        """A whole answer, after its record, so that who reads the one finds the other."""
        self.record["status"] = status
        self.simulator.record(self.record)
        answer = self.whole(status, body, kind, headers)
        if self.fault.cut_after is not None and status == 200:
            self.wfile.write(answer[: len(answer) - len(body) // 2 - 1])
            raise Dropped
        return answer
