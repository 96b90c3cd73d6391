"""Answers the requests of one connection and keeps the record of each.

The order is the API's as far as it can be told: the key, then the gateway's own troubles
(faults), then the body, the model, the rules, the answer.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable
from email.message import Message
from typing import Any
from urllib.parse import unquote

from ...catalog import resolve
from ..formulas import declared, run_fiber
from ..replies.payloads import BALANCE, chunks, completion, event, model_row, usage_of
from ..replies.script import fault_texts, plan
from ..replies.tokens import count_prompt
from ..rules.chat import NOT_JSON, caches_writes, check_chat, check_messages_only, ignored, thinks
from ..rules.files import check_files
from ..rules.refusal import BadRequest, Refusal, not_found
from .faults import HTML, Fault
from .file_handler import FileHandler
from .responses import Dropped

__all__ = ["Handler"]

_SECRET = ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key")
_ROUTES = {
    ("POST", "/v1/chat/completions"): "chat",
    ("GET", "/v1/models"): "models",
    ("GET", "/v1/users/me/balance"): "balance",
    ("POST", "/v1/tokenizers/estimate-token-count"): "estimate",
    ("POST", "/v1/files"): "upload",
    ("GET", "/v1/files"): "files",
}
# The texts of these are made up.
_NO_PATH = Refusal(404, "resource_not_found_error", "The requested resource was not found", "path")
_NO_FUNCTION = Refusal(400, "invalid_request_error", "Invalid request: no such tool", "fiber-name")
_NO_ARGUMENTS = Refusal(
    400, "invalid_request_error", "Invalid request: arguments must be a string", "fiber-arguments"
)
_FORMULA = re.compile(r"/v1/formulas/([^?]+)/(tools|fibers)")
_NO_JSON = Refusal(400, "invalid_request_error", NOT_JSON, "json")
_OURS = Refusal(500, "server_error", "The simulator itself failed, see its log", "internal")
# https://platform.kimi.ai/docs/api/errors
_KEY_MALFORMED = Refusal(
    401, "invalid_authentication_error", "Invalid Authentication", "key-malformed"
)
_KEY_WRONG = Refusal(401, "incorrect_api_key_error", "Incorrect API key provided", "key")


class Handler(FileHandler):
    """Serves one connection until either side closes it."""

    uri = ""

    def do_GET(self) -> None:
        """Serve one request; the other methods do the same."""
        self.trace = self.simulator.next_id()
        self.fault = Fault()
        self.upload = None
        path = self.path.partition("?")[0]
        self.record = {
            "time": time.time(),
            "method": self.command,
            "path": path,
            "status": None,
            "rule": None,
            "ignored": [],
            "fault": None,
            "body": None,
            "headers": _shown(self.headers),
            "connection": self.number,
            "trace_id": self.trace,
            "stream": False,
            "usage": None,
            "closed_early": False,
        }
        try:
            if _ROUTES.get((self.command, path)) == "upload":
                self.receive()
                raw: bytes | None = b""
            else:
                raw = self.read_body()
            if raw is None:
                return
            last = self._answer(raw, path)
        except Dropped:
            self.close_connection = True
            last = b""
        except OSError:
            self.close_connection = True
            self.record["closed_early"] = True
            last = b""
        except Exception as error:
            self.close_connection = True
            self.record["error"] = repr(error)
            last = b"" if self.record["status"] else self._json(500, _OURS.body())
        finally:
            if self.upload is not None:
                self.upload.close()
        # Who has read an answer to its end finds its line in the log.
        self.simulator.write(self.record)
        if last:
            self.wfile.write(last)
        if self.upload is not None and self.upload.unread:
            self.linger()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self, raw: bytes, path: str) -> bytes:
        """Answer, but for the bytes that are given back: the last ones of the answer."""
        refusal = self._check_key()
        body, broken = _parse(raw)
        if self.upload is not None:
            body, broken = self.upload.summary(), False
            raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        self.record["body"] = self._without_key(raw, body)
        self.record["path"] = self._without_key(path.encode(), path)
        if refusal is None:
            answer = self._faulty(body, path)
            if answer:
                return answer
            route = self._route(path)
            if route is None:
                refusal = _NO_PATH
            elif broken and self.command == "POST":
                refusal = _NO_JSON
            else:
                try:
                    result: bytes | Refusal = getattr(self, f"_{route}")(body)
                except BadRequest as bad:
                    result = bad.refusal
                if isinstance(result, bytes):
                    return result
                refusal = result
        self.record["rule"] = refusal.rule
        return self._json(refusal.status, refusal.body())

    def _route(self, path: str) -> str | None:
        """The name of the method that answers."""
        route = _ROUTES.get((self.command, path)) or self.file_route(path)
        return route or self._formula_route(path)

    def _formula_route(self, path: str) -> str | None:
        """The name of the method for an official tool, whose URI it keeps."""
        match = _FORMULA.fullmatch(path)
        if match is None:
            return None
        self.uri = unquote(match[1])
        return {("GET", "tools"): "formula", ("POST", "fibers"): "fiber"}.get(
            (self.command, match[2])
        )

    def _formula(self, body: object) -> bytes | Refusal:
        tools = None if self.simulator.relay else declared(self.uri)
        return _NO_PATH if tools is None else self._json(200, {"object": "list", "tools": tools})

    def _fiber(self, body: Any) -> bytes | Refusal:
        tools = None if self.simulator.relay else declared(self.uri)
        if tools is None:
            return _NO_PATH
        name = body.get("name") if isinstance(body, dict) else None
        arguments = body.get("arguments") if isinstance(body, dict) else None
        if name not in [tool["function"]["name"] for tool in tools]:
            return _NO_FUNCTION
        if not isinstance(name, str) or not isinstance(arguments, str):
            return _NO_ARGUMENTS
        answer = {"id": f"fiber-{self.trace}", "object": "fiber"}
        answer |= run_fiber(self.uri, name, arguments)
        answer |= {"formula": self.uri, "organization_id": "org-simulator", "project_id": "proj-1"}
        return self._json(200, answer)

    def _check_key(self) -> Refusal | None:
        given = (self.headers.get("Authorization") or "").strip()
        scheme, _, rest = given.partition(" ")
        self.token = rest.strip()
        if given and (scheme.lower() != "bearer" or " " in self.token):
            return _KEY_MALFORMED
        return None if self.simulator.accepts(self.token) else _KEY_WRONG

    def _without_key(self, raw: bytes, body: object) -> object:
        """The body for the record, without the key should somebody have put it in."""
        if len(self.token) < 8 or self.token.encode() not in raw:
            return body
        return json.loads(json.dumps(body).replace(json.dumps(self.token)[1:-1], "***"))

    def _faulty(self, body: object, path: str) -> bytes:
        """The answer of a fault that is due, or nothing: then the request goes on."""
        texts = [text for text in (self.headers.get("X-Simulator-Fault"),) if text]
        if isinstance(body, dict):
            texts += fault_texts(body.get("messages"))
        # A request that is tried again is the same to the letter; one of another test is not.
        said = json.dumps([self.command, path, body]) if texts else ""
        request = hashlib.sha256(said.encode()).hexdigest()
        model = str(body.get("model") or "") if isinstance(body, dict) else ""
        where, faults = (self.command, path, model), self.simulator.faults
        given = self.simulator.ordered.taken
        fault = faults.next(*where, given) or faults.asked(texts, *where, request)
        if fault is None:
            return b""
        self.fault = fault
        self.record["fault"] = fault.label
        if fault.delay:
            self.simulator.stopping.wait(fault.delay)
        if fault.drop:
            self.simulator.record(self.record)
            raise Dropped
        headers = fault.header_lines()
        if fault.html:
            return self._send(fault.status or 504, HTML, "text/html", headers)
        if fault.status is not None:
            return self._json(fault.status, fault.error(model), headers)
        return b""

    def _models(self, body: object) -> bytes:
        rows = [model_row(model) for model in self.simulator.models()]
        return self._json(200, {"object": "list", "data": rows})

    def _balance(self, body: object) -> bytes:
        return self._json(200, BALANCE)

    def _estimate(self, body: Any) -> bytes | Refusal:
        refusal = self._unserved(body) or check_messages_only(body) or self._check_files(body)
        if refusal is not None:
            return refusal
        total = count_prompt(body["messages"], body.get("tools"))
        return self._json(200, {"data": {"total_tokens": total}})

    def _check_files(self, body: Any) -> Refusal | None:
        return check_files(
            body["messages"], lambda file_id: self.simulator.store.purpose(self._owner(), file_id)
        )

    def _unserved(self, body: Any) -> Refusal | None:
        """404 for ids that the open platform does not serve; a relay leaves it to the rules."""
        name = body.get("model") if isinstance(body, dict) else None
        if self.simulator.relay or not isinstance(name, str) or not name:
            return None
        return None if any(name == m.id for m in self.simulator.models()) else not_found(name)

    def _chat(self, body: Any) -> bytes | Refusal:
        self.record["ignored"] = ignored(body)
        refusal = self._unserved(body) or check_chat(body) or self._check_files(body)
        if refusal is not None:
            return refusal
        model = resolve(body["model"])
        ordered = self.simulator.ordered.next()
        replies = plan(body, model, thinks(model, body), self.simulator.seed, ordered)
        prompt = count_prompt(body["messages"], body.get("tools"))
        cached = min(self.simulator.cache.hit(body), prompt)
        written = replies[0].written
        if written is None and caches_writes(body):
            written = prompt - cached
        usage = usage_of(prompt, sum(reply.tokens for reply in replies), cached, written)
        self.record["usage"] = usage
        head = {
            "id": f"chatcmpl-{self.trace}",
            "object": "",
            "created": int(time.time()),
            "model": body["model"],
        }
        if not body.get("stream"):
            return self._json(200, completion(head, replies, usage))
        options = body.get("stream_options") or {}
        return self._stream(chunks(head, replies, usage, options.get("include_usage") is True))

    def _stream(self, parts: Iterable[dict[str, Any]]) -> bytes:
        """Send chunks as events; a client that went away is noticed before each of them."""
        fault, delay = self.fault, self.simulator.chunk_delay
        self.record.update(stream=True, status=200)
        self.simulator.record(self.record)
        headers = {"Cache-Control": "no-cache", "Transfer-Encoding": "chunked"}
        self.wfile.write(self.head(200, "text/event-stream", headers))
        for count, part in enumerate(parts):
            if fault.cut_after is not None and count >= fault.cut_after:
                raise Dropped
            if fault.error_in_stream is not None and count >= fault.error_in_stream:
                return self.chunk(event(fault.error())) + self.chunk(b"")
            if delay and count and self.simulator.stopping.wait(delay):
                raise Dropped
            self.write_chunk(event(part))
        if fault.cut_after is not None:
            raise Dropped
        self.check_client()
        return (b"" if fault.no_done else self.chunk(b"data: [DONE]\n\n")) + self.chunk(b"")


def _parse(raw: bytes) -> tuple[Any, bool]:
    """The JSON of a body, and whether it is broken; UTF-8 as the standard wants it."""
    try:
        return json.loads(raw.decode()), False
    except (ValueError, RecursionError):
        return None, True


def _shown(headers: Message) -> dict[str, str]:
    """The headers of a request without those that carry a key."""
    return {k.lower(): v for k, v in headers.items() if k.lower() not in _SECRET}
