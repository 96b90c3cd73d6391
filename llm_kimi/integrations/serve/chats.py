"""``POST /v1/chat/completions``: translated, led as an exchange, answered in OpenAI's form."""

from __future__ import annotations

from contextlib import aclosing

from ...exchange import Chunks
from ...translation.weight import is_heavy
from ...transport.in_thread import aside
from ...transport.run import arun
from ..openai_chat import ChatCall, Options, log_notice
from ..openai_http import EVENT_STREAM, WireError, event
from .call import Call
from .upstream import Transport, Upstream

__all__ = ["answer_chat"]

LARGE = 1 << 20
"""Bytes of a request that is read beside the event loop."""


async def answer_chat(call: Call, upstream: Upstream, key: str, options: Options) -> None:
    """Answer the chat that ``call`` asks for.

    Raises:
        Refused: its body is too large.
        Left: nobody reads the answer any more.
        KimiError: it cannot be sent, Kimi refuses it, or the answer broke off.
    """
    content = await call.body()
    chat = await aside(len(content) > LARGE, ChatCall, content, upstream.base_url, key, options)
    del content
    model = chat.body.get("model")
    call.record.model = model[:200] if isinstance(model, str) else ""
    chat.prepare(await aside(is_heavy(chat.body), chat.translate))
    changed = (item.param for item in chat.adjustments if item.changes_meaning)
    call.record.changed = tuple(dict.fromkeys(changed))
    transport = Transport(upstream, key)
    async with aclosing(arun(chat.exchange, transport)) as outputs:
        async for output in outputs:
            if not isinstance(output, Chunks):
                log_notice(output)
            elif chat.streams:
                if not call.begun:
                    await _start(call, chat)
                if events := chat.writer.chunks(output.chunks):
                    await call.piece(events)
    if not chat.streams:
        await call.answer(200, chat.whole(), headers=chat.headers)
        return
    if not call.begun:
        await _start(call, chat)
    await call.piece(chat.end(), last=True)


async def _start(call: Call, chat: ChatCall) -> None:
    """Send the head. From then on an error is an event, which the clients of OpenAI raise."""
    call.inside = _error_event
    await call.start(200, EVENT_STREAM, {"cache-control": "no-cache", **chat.headers})


def _error_event(error: WireError) -> bytes:
    return event(error.body)
