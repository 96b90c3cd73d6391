"""What goes on to Kimi as it is: models, files, responses, batches, token counts."""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import quote, urlsplit

from ...errors import APIError, KimiError
from ...exchange import Failed
from ...exchange.retry import is_retryable
from ...reply.api_errors import api_error
from ...transport.limits import check_encoding
from ..openai_chat import parsed
from ..openai_http import EVENT_STREAM, JSON_TYPE, WireError, as_json, error_of
from ..openai_http.routes import RESPONSES, check_responses, redirected, whole_file_list
from .access import header, refused
from .call import Call, Refused
from .response_events import ResponseEvents
from .upload_form import UploadForm
from .upstream import NETWORK_ERRORS, Upstream, give_back, lower, read_whole

__all__ = ["answer_model", "pass_on", "pass_responses", "pass_upload"]

_KEPT = ("content-disposition", "x-request-id", "x-trace-id")


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
        await _hand_back(call, upstream, key, "/files", {"data": form.for_kimi()})
    finally:
        form.close()


async def answer_model(call: Call, upstream: Upstream, key: str, model: str) -> None:
    """``GET /models/{id}``, which Kimi does not have: the row of its list; errors as there."""
    await call.body()
    answer = await upstream.ask("GET", "/models", key)
    if isinstance(answer, Failed):
        raise _tried_once(answer.error, answer.retryable)
    if answer.status != 200:
        raise _refusal(answer.status, answer.headers, answer.body, upstream, key)
    try:
        rows = json.loads(answer.body)["data"]
        row = next(row for row in rows if row["id"] == model)
    except (ValueError, KeyError, TypeError, RecursionError, StopIteration):
        text = f"this account has no model {model[:100]!r}: GET /v1/models lists the models it has"
        raise Refused(refused(404, text, code="model_not_found")) from None
    await call.answer(200, as_json(row))


async def _hand_back(
    call: Call, upstream: Upstream, key: str, path: str, content: dict[str, Any]
) -> None:
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
            raise _refusal(status, headers, await read_whole(response), upstream, key)
        if path == "/files" and call.method == "GET":
            await call.answer(200, whole_file_list(await read_whole(response)))
            return
        kept = {name: headers[name] for name in _KEPT if name in headers}
        kind = headers.get("content-type") or JSON_TYPE
        if path == RESPONSES and _is_event_stream(kind):
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


def _refusal(status: int, headers: Any, body: bytes, upstream: Upstream, key: str) -> Refused:
    error: APIError = api_error(status, headers, body, base_url=upstream.base_url, key=key)
    return _tried_once(error, is_retryable(error))


def at(path: str, *ids: str) -> str:
    """``path`` with ids in it, quoted."""
    return path.format(*[quote(item, safe="") for item in ids])
