"""A client of the offline Kimi; uploads, and what it says of them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx

from llm_kimi.simulator import Simulator

MB = 1024 * 1024
NO_TEXT = "text extract error: 没有解析出内容"
TOO_LARGE = "File size is too large, max file size is 100MB, please confirm and re-upload the file"
BAD_PURPOSE = "only `file-extract`, `batch`, `batch_output`, `lambda`, `image` and `video` accepted"


def connect(kimi: Simulator, key: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key or kimi.key}"}
    return httpx.Client(base_url=kimi.base_url, headers=headers, timeout=30, trust_env=False)


def upload(
    client: httpx.Client,
    name: str = "a.txt",
    data: Any = b"hello",
    purpose: str | None = "file-extract",
    **more: Any,
) -> httpx.Response:
    fields = {} if purpose is None else {"purpose": purpose}
    return client.post("/files", data=fields, files={"file": (name, data)}, **more)


def read(client: httpx.Client, name: str, data: bytes) -> str:
    file_id = upload(client, name, data).json()["id"]
    return client.get(f"/files/{file_id}/content").text


def refusal(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    kind = "resource_not_found_error" if status == 404 else "invalid_request_error"
    assert error["type"] == kind
    return str(error["message"])


def show(what: str, file_id: str, bare: bool = False) -> dict[str, Any]:
    url = f"ms://{file_id}"
    part = {"type": f"{what}_url", f"{what}_url": url if bare else {"url": url}}
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": [part]}]}


def archive(**members: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(name.replace("__", "/").replace("_DOT_", "."), text)
    return raw.getvalue()
