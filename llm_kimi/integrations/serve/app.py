"""The ASGI application: which request is answered by what, and errors in OpenAI's form."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable

from ...config import settings
from ...errors import InvalidRequestError, KimiError
from ..openai_chat import Options
from ..openai_http import WireError, error_of
from ..openai_http.routes import missing
from .access import Access, check_content, refused
from .call import STOPPED, Call, Left, Record, Refused, Scope
from .chats import answer_chat
from .passed_on import answer_model, at, pass_on, pass_responses, pass_upload
from .upstream import Upstream

__all__ = ["App"]

logger = logging.getLogger("llm_kimi")

_ID = r"([A-Za-z0-9_-][A-Za-z0-9_.:-]{0,199})"
"""Of a file or a batch. Dots alone would be another path at Kimi."""
# (method, path below the base URL) -> the path at Kimi.
_PASSED_ON = (
    ("GET", "/models", "/models"),
    ("GET", "/files", "/files"),
    ("GET", f"/files/{_ID}", "/files/{}"),
    ("DELETE", f"/files/{_ID}", "/files/{}"),
    ("GET", f"/files/{_ID}/content", "/files/{}/content"),
    ("GET", "/batches", "/batches"),
    ("POST", "/batches", "/batches"),
    ("GET", f"/batches/{_ID}", "/batches/{}"),
    ("POST", f"/batches/{_ID}/cancel", "/batches/{}/cancel"),
    ("POST", "/tokenizers/estimate-token-count", "/tokenizers/estimate-token-count"),
)
_ROUTES = tuple((method, re.compile(path), there) for method, path, there in _PASSED_ON)
_MODEL = re.compile("/models/(.{1,200})")
_WITH_BODY = frozenset({"/chat/completions", "/responses", "/files"})

SERVED = "chat/completions, models, files, batches, and responses for the models that have it"


class App:
    """OpenAI's API on Kimi, as an ASGI application. Make it inside the event loop.

    ``key``: with it, all requests go to Kimi with this key; None: with that of their caller.
    ``log`` is told of every request when it has been answered.
    """

    def __init__(
        self,
        access: Access,
        upstream: Upstream,
        options: Options,
        *,
        key: str | None,
        log: Callable[[Record], None],
    ) -> None:
        self._access = access
        self._upstream = upstream
        self._options = options
        self._key = key
        self._log = log
        self._calls: set[Call] = set()
        self._stopping = False

    def stop(self) -> None:
        """End what is under way: streams with an error event, others with an error."""
        self._stopping = True
        for call in list(self._calls):
            call.stop()

    def told_of_bad_http(self, status: int) -> None:
        """For the log: something came that is no request, and was answered with ``status``."""
        self._log(Record("-", "-", status, started=time.monotonic(), note="no valid HTTP request"))

    async def __call__(self, scope: Scope, receive: object, send: object) -> None:
        if scope["type"] != "http":
            return
        call = Call(scope, receive, send)  # type: ignore[arg-type]
        self._calls.add(call)
        try:
            await self._answer(call)
        finally:
            self._calls.discard(call)
            self._log(call.record)

    async def _answer(self, call: Call) -> None:
        is_health = call.path == "/health"
        refusal = self._access.refusal(call.headers, open_to_all=is_health)
        if refusal is not None:
            await call.refuse(refusal)
            return
        if is_health:
            await call.answer(200, b'{"status":"ok"}')
            return
        try:
            await call.attended(self._work)
        except Left:
            await self._left(call)
        except Refused as error:
            await self._refuse(call, error.error)
        except KimiError as error:
            await self._refuse(call, error_of(error))
        except Exception as error:
            # Its text may hold a prompt.
            call.record.note = f"failed: {type(error).__name__}"
            logger.debug("a request failed", exc_info=error)
            await self._refuse(
                call, WireError(500, _body("the server failed to handle this request"))
            )

    async def _refuse(self, call: Call, error: WireError) -> None:
        if not call.begun:
            await call.refuse(error)
            return
        call.record.note = call.record.note or "the answer broke off"
        if call.inside is None:
            call.break_off()
            raise ConnectionError("the answer broke off")
        await call.piece(call.inside(error), last=True)

    async def _left(self, call: Call) -> None:
        """Say that the server stops; to one who has left nothing can be said."""
        call.record.note = call.left
        if call.left != STOPPED:
            return
        stops = WireError(
            503,
            _body("the server was stopped: ask again when it runs", "server_unavailable"),
            {"x-should-retry": "true"},
        )
        if not call.begun:
            await call.refuse(stops)
        elif call.inside is not None:
            await call.piece(call.inside(stops), last=True)

    async def _work(self, call: Call) -> None:
        if self._stopping:
            call.stop()
        path = call.path.rstrip("/")
        path = path.removeprefix("/v1") if path.startswith("/v1/") else path
        work = self._route(call, path)
        if call.method == "POST" and (call.has_body or path in _WITH_BODY):
            error = check_content(call.headers, form=path == "/files")
            if error is not None:
                raise Refused(error)
        await work(self._caller_key(call))

    def _route(self, call: Call, path: str) -> Callable[[str], Awaitable[None]]:
        """What answers, given the key for Kimi.

        Raises:
            Refused: nothing does.
        """
        upstream = self._upstream
        method = call.method
        if method == "POST" and path == "/chat/completions":
            return lambda key: answer_chat(call, upstream, key, self._options)
        if method == "POST" and path == "/responses":
            return lambda key: pass_responses(call, upstream, key)
        if method == "POST" and path == "/files":
            return lambda key: pass_upload(call, upstream, key)
        if method == "GET" and (match := _MODEL.fullmatch(path)):
            model = match[1]
            return lambda key: answer_model(call, upstream, key, model)
        allowed = ["POST"] if path in _WITH_BODY else []
        allowed += ["GET", "HEAD"] if _MODEL.fullmatch(path) else []
        for route, pattern, there in _ROUTES:
            if match := pattern.fullmatch(path):
                if route == method:
                    place = at(there, *match.groups())
                    return lambda key: pass_on(call, upstream, key, place)
                allowed += ["GET", "HEAD"] if route == "GET" else [route]
        if allowed:
            ways = ", ".join(sorted(set(allowed)))
            text = f"{call.method[:20]} is not for this path: {ways}"
            raise Refused(refused(405, text, code="method_not_allowed", allow=ways))
        raise Refused(_not_here(call.method, path))

    def _caller_key(self, call: Call) -> str:
        """The key that goes to Kimi."""
        if self._key is not None:
            return self._key
        try:
            return settings.check_key(self._access.key(call.headers))
        except InvalidRequestError:
            text = (
                "the key in the header Authorization contains spaces or invalid characters: copy "
                "it again"
            )
            raise Refused(refused(401, text, code="invalid_api_key")) from None


def _not_here(method: str, path: str) -> WireError:
    text = missing(path, "")
    if text is None and path.endswith("/messages"):
        text = (
            "this is Anthropic's API, and the server has OpenAI's: Moonshot has it at "
            "https://api.moonshot.ai/anthropic"
        )
    if text is None:
        text = f"{method} {path[:100] or '/'} is not served. Served below /v1: {SERVED}"
    return refused(404, text, code="unknown_url")


def _body(text: str, kind: str = "server_error") -> dict[str, object]:
    return {"error": {"message": text, "type": kind, "param": None, "code": None}}
