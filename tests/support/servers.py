"""``llm kimi serve`` as a process of its own, and requests written by hand."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.raw_servers import Connection, Server, raw_server

Answer = Callable[[Connection], None]
CHAT = "/v1/chat/completions"
HI = {"model": "kimi-k3.1-pro", "messages": [{"role": "user", "content": "say: hello"}]}


@dataclass
class Served:
    """A running server. ``key`` is its own; None when it passes keys through."""

    process: subprocess.Popen[str]
    base_url: str
    key: str | None

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2].partition("/")[0])

    def ask(
        self,
        path: str = CHAT,
        body: Any = HI,
        *,
        method: str | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        """One request; a header that is None is left out. ``body`` None: there is none."""
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        sent: dict[str, str | None] = {"Authorization": f"Bearer {self.key}"}
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(
                method or ("GET" if content is None else "POST"), path, skip_host="Host" in sent
            )
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if content is not None:
                data = content.encode() if isinstance(content, str) else content
                if "Content-Length" not in sent:
                    connection.putheader("Content-Length", str(len(data)))
                connection.endheaders(data)
            else:
                connection.endheaders()
            answer = connection.getresponse()
            return Reply(
                answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGINT) -> tuple[str, str]:
        """Ctrl-C; what it has written since."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=20)


@dataclass
class Reply:
    """An answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        return error

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The events of a stream, without the last one, which must be ``[DONE]``."""
        events = [line[6:] for line in self.body.decode().splitlines() if line]
        assert events.pop() == "[DONE]"
        return [json.loads(event) for event in events]

    @property
    def text(self) -> str:
        return "".join(
            choice["delta"].get("content") or "" for c in self.chunks for choice in c["choices"]
        )


@contextmanager
def served(*options: str, first: str = "", **environment: str) -> Iterator[Served]:
    """A server on a free port, with the environment of this process and ``environment``.

    ``first``: a program that its process runs before, which may shorten its limits.
    """
    code = f"{first}\nimport llm_kimi.serve\nllm_kimi.serve.main()"
    start = ["-c", code] if first else ["-m", "llm_kimi.serve"]
    process = subprocess.Popen(
        [sys.executable, *start, "--port", "0", "--json", *options],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        told = json.loads(line)
        yield Served(process, told["base_url"], told["api_key"])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Behind:
    """A server that is kept; what Kimi answers to it, each test says anew."""

    def __init__(self, server: Served, kimi: Server, answers: list[Answer]) -> None:
        self.kimi = kimi
        self._server = server
        self._answers = answers

    def __call__(self, answer: Answer) -> Served:
        """The server in front of a Kimi that answers so; ``kimi.requests`` begins anew."""
        self._answers[:] = [answer]
        self.kimi.requests.clear()
        return self._server


@contextmanager
def served_behind(**environment: str) -> Iterator[Behind]:
    """A server in front of a Kimi whose answers are to be said."""
    answers: list[Answer] = []
    with raw_server(lambda connection: answers[0](connection)) as kimi:
        key = {"KIMI_BASE_URL": kimi.base_url, "MOONSHOT_API_KEY": "sk-of-the-server"}
        with served(**key, **environment) as server:
            yield Behind(server, kimi, answers)
