"""What to do about an error answer: found from its status, its type and the API's own words."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ..catalog import FLAGSHIP, GONE, UnknownModelError, live_models, resolve

__all__ = ["CONTEXT", "FULL", "hint", "is_daily", "is_out_of_balance"]

# Moonshot's hosts, and this machine, where what answers stands for one of them.
_MOONSHOT = re.compile(r"(^|\.)moonshot\.(ai|cn)$|^(localhost|::1|0\.0\.0\.0|127\..*)$")
_REQUESTED = re.compile(r"requested: (\d{1,18})\b")
# What says that money is missing, whatever else it says. Moonshot's client reads "arrears" and
# "account balance" so, too (https://github.com/MoonshotAI/kimi-code, packages/kosong); the Chinese
# words are "balance insufficient", "in arrears" and "please top up".
_BALANCE = re.compile(
    r"(insufficient|not enough|no|low|negative|empty|zero|exhausted)[ _]+(account[ _]+)?"
    r"(balance|funds?|credits?)\b"
    r"|account[ _]balance"
    r"|balance (is|was) (too low|not enough|insufficient|exhausted|empty|negative)"
    r"|exceeded your current (\w+ )?quota(?! ?(per\b|/))"
    r"|arrear|overdue (payment|bill)|recharge|top[ -]?up your|payment required|billing details"
    r"|suspended due"
    r"|\u4f59\u989d\u4e0d\u8db3|\u6b20\u8d39|\u8bf7\u5145\u503c",
    re.IGNORECASE,
)
_BALANCE_TYPES = frozenset(
    {
        "exceeded_current_quota_error",
        # The same in the words of relays.
        *("insufficient_quota", "insufficient_balance", "insufficient_user_quota"),
        *("billing_error", "billing_not_active", "billing_hard_limit_reached", "arrears"),
        *("insufficient_credits", "payment_required"),
    }
)
_QUOTA = re.compile(r"quota|suspended", re.IGNORECASE)
# A quota of a minute is a rate limit: "your token quota per minute was exceeded".
_RATE = re.compile(
    r"(\b(per|a|each)[ _-]|/ ?)(second|minute|sec|min|hour)\b|\b[RT]PM\b|\b(rate|concurrency)\b"
    r"|too many requests|try again after \d",
    re.IGNORECASE,
)
_RATE_TYPES = frozenset({"rate_limit_reached_error", "engine_overloaded_error"})
_DAILY = re.compile(r"\b[RT]PD\b|(\b(per|a|each)[ _-]|/ ?)day\b|\bdaily\b", re.IGNORECASE)
CONTEXT = re.compile(
    r"exceeded model token limit|token length too long|exceeds the model specification"
    r"|context length",
    re.IGNORECASE,
)
FULL = re.compile(r"too many uploaded files|total size of all (uploaded )?files", re.IGNORECASE)
_NO_FILE = re.compile(
    r"not found the file\b|no such file|\bfile \S+ (is |was )?(not found|does not exist)",
    re.IGNORECASE,
)

# What a 400 is about, by the words of the API: (pattern, the rule and the way out).
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            r"invalid (temperature|top_p|n|presence_penalty|frequency_penalty|logprobs):",
            "The model fixes this sampling parameter: leave it out",
        ),
        (
            r"tool_choice '\w+' is incompatible with thinking",
            "A call cannot be forced while this model thinks: use tool_choice auto, or "
            f"{FLAGSHIP}, which can be forced",
        ),
        (r"invalid thinking", "This model does not accept that: leave thinking out"),
        (
            r"reasoning_content is missing",
            "Send the reasoning_content of earlier tool calls back unchanged",
        ),
        (
            r"moonshot flavored json schema|parameters\.type is required",
            "A tool's schema is not a Moonshot-flavoured JSON schema "
            "(https://github.com/MoonshotAI/walle)",
        ),
        (
            r"response_format\.json_schema",
            "json_schema needs a name and a schema that is an object",
        ),
        (
            r"function name is invalid",
            "A function's name must start with a letter and contain only letters, digits, _ and -",
        ),
        (
            r"role '?\w+'? is not allowed|unsupported role",
            "Roles are system, user, assistant, tool",
        ),
        (
            r"must not be empty|text content is empty",
            "A message is empty: drop it or fill it",
        ),
        (
            r"tool_call_id +is not found",
            "A tool message has no matching call before it (was the conversation shortened?)",
        ),
        (r"tokenization failed", "Tools inside the conversation work on the K3 family only"),
        (
            FULL.pattern,
            "An account holds 1,000 files and 10 GB: llm kimi files prune deletes those that "
            "llm-kimi has uploaded, llm kimi files list shows all",
        ),
        (r"file size is too large", "A file may have 100 MB: send a smaller one, or a part of it"),
        (r"file size is zero", "The file is empty"),
        (r"invalid purpose", "Files are uploaded for file-extract, image or video"),
        (
            r"unsupported file (format|type)|file (format|type) is not supported",
            "As documents Kimi reads PDF, Office, EPUB, HTML and text; images and videos are "
            "uploaded with purpose image or video, other files have to be converted",
        ),
        (
            r"text extract error",
            "No text was found in the file: is it damaged, protected by a password, or nothing "
            "but pictures? Pages can be sent as images",
        ),
        (
            r"\bfile \S+ is not found",
            "The account of this key has no such file: upload it there (llm kimi files upload)",
        ),
    )
)


def is_out_of_balance(status: int | None, kind: Any, code: Any, detail: str) -> bool:
    """Whether an account has nothing left to pay with; waiting does not help.

    Comes with status 429 or 403 (https://www.kimi.com/help/kimi-api/api-troubleshooting), from
    relays with 402.
    """
    if status not in (402, 403, 429, None):
        return False
    if status == 402 or _BALANCE.search(detail):
        return True
    if _RATE.search(detail) or kind in _RATE_TYPES:
        return False
    if kind in _BALANCE_TYPES or code in _BALANCE_TYPES:
        return True
    return status != 403 and _QUOTA.search(detail) is not None


def is_daily(detail: str) -> bool:
    """Whether the limit that was reached is one of the day."""
    return _DAILY.search(detail) is not None


def hint(
    status: int | None,
    kind: Any,
    code: Any,
    detail: str,
    model: str,
    base_url: str,
    key_source: str,
    file_id: str,
) -> str | None:
    """Our advice for an error answer; None when there is none to give."""
    if status == 401:
        return _key_hint(base_url, key_source)
    if is_out_of_balance(status, kind, code, detail):
        return "The account is out of balance: top it up, or check its plan. Not tried again"
    if status == 404:
        # The words of a file's 404 are not published: what was asked for tells as much.
        asked = bool(file_id) and kind == "resource_not_found_error"
        if asked or _NO_FILE.search(detail):
            return "The account of this key has no such file: llm kimi files list shows its files"
        return _missing_hint(kind, code, detail, model, base_url)
    if kind == "content_filter":
        return "Kimi refused the question or its own answer: rephrase it"
    if CONTEXT.search(detail):
        return _context_hint(model, detail)
    if kind == "access_terminated_error" or (status == 403 and "Coding Agents" in detail):
        return (
            "This is the host of Kimi Code, another product: use https://api.moonshot.ai/v1 "
            "with a key of platform.kimi.ai"
        )
    if status == 504:
        return "Long answers must be streamed: the gateway gives up after 900 seconds without bytes"
    if status == 429 and is_daily(detail):
        return "A limit of the day is reached: it is not tried again; a top-up raises it"
    if status == 429 and kind == "rate_limit_reached_error":
        return "The limit is the organisation's, over all keys and models; a top-up raises it"
    if status in (400, 422, None):
        return next((advice for pattern, advice in _RULES if pattern.search(detail)), None)
    return None


def _key_hint(base_url: str, key_source: str) -> str:
    where = f"The key came from {key_source}. " if key_source else ""
    host = _host(base_url)
    if host and not _MOONSHOT.search(host):
        return (
            f"{where}Keys belong to one host: the base URL points to {host}, which refuses this one"
        )
    other = (
        "keys of platform.kimi.com (China) need KIMI_BASE_URL=https://api.moonshot.cn/v1"
        if "moonshot.cn" not in base_url
        else "keys of platform.kimi.ai need KIMI_BASE_URL=https://api.moonshot.ai/v1"
    )
    return (
        f"{where}Keys belong to one host: {other}; keys that start with sk-kimi- belong to "
        "Kimi Code, another product"
    )


def _host(base_url: str) -> str:
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:
        return ""


def _missing_hint(kind: Any, code: Any, detail: str, model: str, base_url: str) -> str:
    name = model.lower()
    if name in GONE:
        date, replacement = GONE[name]
        return f"{model} was retired on {date}: use {replacement}"
    if "model_not_found" in (kind, code):
        return "This error is OpenAI's own: the base URL still points to OpenAI"
    if "model" not in detail.lower():
        where = f" ({base_url})" if base_url else ""
        return f"There is no chat API at this base URL{where}: Kimi's ends in /v1"
    with suppress(UnknownModelError):
        row = resolve(model)
        if row.notice:
            # Newer accounts get this answer: they are served the flagship alone
            # (https://github.com/netbirdio/docs/pull/872).
            closed = f"{row.id} is {row.notice}"
            return f"New accounts do not get this model: {closed}. Use {row.replacement}"
    names = ", ".join(row.id for row in live_models())
    return f"The platform serves {names}; K3.1 Pro and K3 need a first top-up"


def _context_hint(model: str, detail: str) -> str:
    try:
        row = resolve(model)
    except UnknownModelError:
        return "Prompt and answer must fit the model's window together"
    text = f"Prompt and answer share {row.context:,} tokens on {model}: shorten the prompt"
    requested = _REQUESTED.search(detail)
    largest = resolve(FLAGSHIP).context
    if row.context < largest and (requested is None or int(requested.group(1)) < largest):
        text += f", lower max_tokens, or take {FLAGSHIP} ({largest:,})"
    return text
