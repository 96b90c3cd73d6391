"""What goes on to Kimi as it is: models, files, responses, batches, token counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

from ...errors import APIError, KimiError
from ...exchange import Failed
from ...exchange.retry import is_retryable
from ...reply.api_errors import api_error
from ...transport.limits import check_encoding
from ..openai_chat import parsed
from ..openai_http import (
    ADJUSTMENTS_HEADER,
    EVENT_STREAM,
    JSON_TYPE,
    WireError,
    as_json,
    error_of,
)
from ..openai_http.routes import (
    RESPONSES,
    check_responses,
    is_about_files,
    openai_files,
    redirected,
)
from .access import header, refused
from .call import Call, Refused
from .response_events import ResponseEvents
from .upload_form import UploadForm
from .upstream import NETWORK_ERRORS, Upstream, give_back, lower, read_whole

__all__ = ["answer_model", "pass_on", "pass_responses", "pass_upload"]

# Without its length a caller over HTTP/1.0 would take an answer that is cut off for a whole one.
_KEPT = ("content-disposition", "content-length", "x-request-id", "x-trace-id")


async def pass_on(call: Call, upstream: Upstream, key: str, path: str) -> None:
    """Hand the request on to ``path``, and the answer back as it comes.

    Raises:
        Refused, KimiError: what went wrong; nothing has been answered yet.
    """
    content: dict[str, Any] = {}
    body = await call.body()
    if call.method == "POST" and body:
        content = {"data": body, "headers": {"Content-Type": JSON_TYPE}}
    await _hand_back(call, upstream, key, path, content)


async def pass_responses(call: Call, upstream: Upstream, key: str) -> None:
    """``pass_on`` for ``/responses``, which Kimi has for some models; errors as there."""
    body = await call.body()
    request = parsed(body)
    check_responses(request)
    call.record.model = str(request["model"])[:200]
    content = {"data": body, "headers": {"Content-Type": JSON_TYPE}}
    await _hand_back(call, upstream, key, RESPONSES, content)


async def pass_upload(call: Call, upstream: Upstream, key: str) -> None:
    """``pass_on`` for a file: under Kimi's name for its purpose; errors as there."""
    form = UploadForm(header(call.headers, b"content-type") or "")
    try:
        async with aclosing(call.pieces()) as pieces:
            async for piece in pieces:
                form.write(piece)
        content = {"data": form.for_kimi()}
        left_out = ", ".join(form.left_out)
        call.record.changed = form.left_out
        told = {ADJUSTMENTS_HEADER: left_out} if left_out else {}
        await _hand_back(call, upstream, key, "/files", content, told)
    finally:
        form.close()


async def answer_model(call: Call, upstream: Upstream, key: str, model: str) -> None:
    """``GET /models/{id}``, which Kimi does not have: the row of its list; errors as there."""
    await call.body()
    answer = await upstream.ask("GET", "/models", key)
    if isinstance(answer, Failed):
        raise _tried_once(answer.error, answer.retryable)
    if answer.status != 200:
        raise _refusal(answer.status, answer.headers, answer.body, upstream, key, "/models")
    try:
        rows = json.loads(answer.body)["data"]
        row = next(row for row in rows if row["id"] == model)
    except (ValueError, KeyError, TypeError, RecursionError, StopIteration):
        text = f"this account has no model {model[:100]!r}: GET /v1/models lists the models it has"
        raise Refused(refused(404, text, code="model_not_found")) from None
    await call.answer(200, as_json(row))


async def _hand_back(
    call: Call,
    upstream: Upstream,
    key: str,
    path: str,
    content: dict[str, Any],
    told: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """``told``: headers for the answer."""
    response, begun = None, False
    try:
        response = await upstream.send(call.method, path, key, query=call.query, **content)
        begun = response.status == 200
        check_encoding(response.headers)
        status: int = response.status
        headers = lower(response.headers)
        if 300 <= status < 400:
            raise Refused(_redirect(headers.get("location") or "", key))
        if status >= 400:
            raise _refusal(status, headers, await read_whole(response), upstream, key, path)
        kept = {name: headers[name] for name in _KEPT if name in headers}
        if "x-trace-id" in kept:
            kept.setdefault("x-request-id", kept["x-trace-id"])
        if is_about_files(call.method, path):
            files = openai_files(await read_whole(response))
            kept.pop("content-length", None)
            await call.answer(status, files, headers={**kept, **told})
            return
        kind = headers.get("content-type") or JSON_TYPE
        if path == RESPONSES and _is_event_stream(kind):
            kept.pop("content-length", None)
            await _stream_response(call, upstream, key, response, kept)
            return
        await call.start(status, kind, kept)
        while piece := await response.content.readany():
            await call.piece(piece)
        await call.piece(b"", last=True)
    except NETWORK_ERRORS as error:
        failed = upstream.failed(error, key, begun=begun)
        raise _tried_once(failed.error, failed.retryable) from None
    finally:
        if response is not None:
            give_back(response)


async def _stream_response(
    call: Call, upstream: Upstream, key: str, response: Any, headers: dict[str, str]
) -> None:
    """Hand the events of an answer on; one that does not end as it should ends in an error."""
    events = ResponseEvents()
    call.inside = events.error
    await call.start(200, EVENT_STREAM, {"cache-control": "no-cache", **headers})
    # After the last event nothing follows, though the connection may stay open.
    while not events.ended and (piece := await response.content.readany()):
        if whole := events.whole(piece):
            await call.piece(whole)
    await call.piece(events.last(), last=True)


def _is_event_stream(kind: str) -> bool:
    return kind.partition(";")[0].strip().lower() == EVENT_STREAM.partition(";")[0]


def _tried_once(error: KimiError, again: bool) -> Refused:
    """``error`` for a caller whose client may try again: nothing has, of what is passed on."""
    wire = error_of(error)
    if not again:
        return Refused(wire)
    headers = {name: value for name, value in wire.headers.items() if name != "x-should-retry"}
    return Refused(WireError(wire.status, wire.body, headers))


def _redirect(location: str, key: str) -> Any:
    host = ""
    with suppress(ValueError):
        host = urlsplit(location).hostname or ""
    return redirected(host, key)


def _refusal(
    status: int, headers: Any, body: bytes, upstream: Upstream, key: str, path: str
) -> Refused:
    error: APIError = api_error(status, headers, body, base_url=upstream.base_url, key=key)
    if status == 404 and not (path == RESPONSES and "model" in error.detail.lower()):
        # A file or a batch is missing, or the host has none: our hints are about chats.
        error = APIError(
            error.detail,
            status=status,
            type=error.type,
            code=error.code or "not_found",
            trace_id=error.trace_id,
        )
    return _tried_once(error, is_retryable(error))


def at(path: str, *ids: str) -> str:
    """``path`` with ids in it, quoted."""
    return path.format(*[quote(item, safe="") for item in ids])
