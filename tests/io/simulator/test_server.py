"""The offline Kimi as a server: endpoints, keys, records, connections, faults, stopping."""

from __future__ import annotations

import concurrent.futures
import io
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest

from llm_kimi.catalog import live_models
from llm_kimi.simulator import Simulator
from tests.support.bare_client import connect
from tests.support.waiting import until

K26 = "kimi-k2.6"


def chat(text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"model": K26, "messages": [{"role": "user", "content": text}], **fields}


def post(client: httpx.Client, body: Any, **more: Any) -> httpx.Response:
    return client.post("/chat/completions", json=body, **more)


def events(response: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]


# Endpoints


def test_a_chat_is_answered(client: httpx.Client) -> None:
    answer = post(client, chat())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-trace-id"]
    assert answer.json()["choices"][0]["message"]["content"] == "[offline Kimi] You said: hi"


def test_a_chat_is_streamed_to_done(client: httpx.Client) -> None:
    answer = post(client, chat(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["transfer-encoding"] == "chunked"
    sent = events(answer)
    assert sent[-1] == "[DONE]"
    parts = [json.loads(line)["choices"][0]["delta"].get("content", "") for line in sent[:-1]]
    assert "".join(parts) == "[offline Kimi] You said: hi"
    assert len(parts) > 6


def test_the_live_models_are_listed_with_the_documented_fields(client: httpx.Client) -> None:
    listed = client.get("/models").json()
    assert listed["object"] == "list"
    assert [row["id"] for row in listed["data"]] == [model.id for model in live_models()]
    row = next(row for row in listed["data"] if row["id"] == K26)
    assert row["context_length"] == 262_144
    assert row["object"] == "model"
    assert row["owned_by"] == "moonshot"
    assert row["supports_image_in"] is row["supports_video_in"] is row["supports_reasoning"] is True
    assert isinstance(row["created"], int)


def test_balance_and_token_estimate(client: httpx.Client) -> None:
    balance = client.get("/users/me/balance").json()
    assert (balance["code"], balance["scode"], balance["status"]) == (0, "0x0", True)
    assert balance["data"]["available_balance"] > 0
    estimate = client.post("/tokenizers/estimate-token-count", json=chat("x" * 400))
    assert estimate.json() == {"data": {"total_tokens": 104}}
    empty = client.post("/tokenizers/estimate-token-count", json={"model": K26, "messages": []})
    assert empty.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/files"), ("POST", "/embeddings"), ("GET", "/chat/completions"), ("PUT", "/models")],
)
def test_what_is_not_there_is_404_in_the_form_of_the_api(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "resource_not_found_error"


@pytest.mark.parametrize("model", ["kimi-k2.5", "moonshotai/Kimi-K2.6", "kimi-k9", "gpt-5"])
def test_ids_that_are_retired_or_foreign_are_not_found(client: httpx.Client, model: str) -> None:
    answer = post(client, {**chat(), "model": model})
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "message": f"Not found the model {model} or Permission denied",
            "type": "resource_not_found_error",
        }
    }


def test_a_relay_serves_retired_ids_by_their_rules() -> None:
    with Simulator(relay=True) as kimi, connect(kimi) as client:
        assert post(client, {**chat(), "model": "moonshotai/Kimi-K2.6"}).status_code == 200
        hot = post(client, {**chat(temperature=2), "model": "moonshot-v1-8k"})
        assert hot.status_code == 400
        assert post(client, {**chat(), "model": "gpt-5"}).status_code == 404
        assert any(row["id"] == "kimi-k2.5" for row in client.get("/models").json()["data"])


def test_a_broken_rule_comes_as_400_and_is_recorded(kimi: Simulator, client: httpx.Client) -> None:
    answer = post(client, chat(temperature=0.5, seed=7))
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "message": "invalid temperature: only 1 is allowed for this model",
            "type": "invalid_request_error",
        }
    }
    record = kimi.requests[-1]
    assert (record["status"], record["rule"]) == (400, "temperature-pinned")
    assert record["ignored"] == ["seed"]


def test_a_body_that_is_no_json_is_400(kimi: Simulator, client: httpx.Client) -> None:
    answer = client.post("/chat/completions", content=b"{'a': 1}")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert kimi.requests[-1]["rule"] == "json"


def test_a_body_may_come_in_chunks(client: httpx.Client) -> None:
    raw = json.dumps(chat("chunky")).encode()
    answer = client.post("/chat/completions", content=iter([raw[:10], raw[10:]]))
    assert "chunky" in answer.text


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": "\xff"}', id="no UTF-8"),
        pytest.param(b'{"a": "\xed\xa0\xbd"}', id="a surrogate as bytes"),
        pytest.param('{"a": "x"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps(chat("a \ud800 b")).encode(), id="half a surrogate pair"),
        pytest.param(json.dumps(chat(user=float("nan"))).encode(), id="NaN"),
    ],
)
def test_json_that_is_no_json_to_the_letter_is_400(tmp_path: pathlib.Path, raw: bytes) -> None:
    with Simulator(log=tmp_path / "log") as kimi, connect(kimi) as client:
        answer = client.post("/chat/completions", content=raw)
        assert (answer.status_code, kimi.requests[-1]["rule"]) == (400, "json")
    assert len((tmp_path / "log").read_text().splitlines()) == 1


# Keys


@pytest.mark.parametrize(
    ("header", "kind", "text"),
    [
        (None, "incorrect_api_key_error", "Incorrect API key provided"),
        ("Bearer", "incorrect_api_key_error", "Incorrect API key provided"),
        ("Bearer sk-wrong-1", "incorrect_api_key_error", "Incorrect API key provided"),
        ("Basic abc", "invalid_authentication_error", "Invalid Authentication"),
        ("sk-simulator", "invalid_authentication_error", "Invalid Authentication"),
        ("Bearer a b", "invalid_authentication_error", "Invalid Authentication"),
    ],
)
def test_a_missing_wrong_or_malformed_key_is_401(
    kimi: Simulator, header: str | None, kind: str, text: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.post(f"{kimi.base_url}/chat/completions", json=chat(), headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"message": text, "type": kind}}


def test_only_the_given_keys_open() -> None:
    with Simulator(keys={"sk-mine"}) as kimi:
        assert kimi.key == "sk-mine"
        with connect(kimi) as client:
            assert post(client, chat()).status_code == 200
        with connect(kimi, "sk-other") as client:
            assert post(client, chat()).status_code == 401


def test_no_record_holds_a_key(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.jsonl"
    with Simulator(log=path) as kimi, connect(kimi, "sk-very-secret") as client:
        post(client, chat("my key is sk-very-secret"), headers={"X-Api-Key": "sk-very-secret"})
        assert "sk-very-secret" not in json.dumps(kimi.requests)
        assert kimi.requests[-1]["body"]["messages"][0]["content"] == "my key is ***"
    assert "sk-very-secret" not in path.read_text(encoding="utf-8")


# Records


def test_every_request_leaves_a_line_of_json(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.jsonl"
    with Simulator(log=path) as kimi, connect(kimi) as client:
        post(client, chat(stream=True))
        post(client, chat(n=2))
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert lines == kimi.requests
    streamed, refused = lines
    assert streamed["method"] == "POST"
    assert streamed["path"] == "/v1/chat/completions"
    assert (streamed["status"], streamed["stream"], streamed["rule"]) == (200, True, None)
    assert streamed["body"]["model"] == K26
    assert streamed["usage"]["prompt_tokens"] > 0
    assert streamed["headers"]["content-type"] == "application/json"
    assert streamed["connection"] == 1
    assert streamed["closed_early"] is False
    assert (refused["status"], refused["rule"]) == (400, "n-pinned")


def test_the_log_may_be_a_stream_which_stays_open() -> None:
    log = io.StringIO()
    with Simulator(log=log) as kimi, connect(kimi) as client:
        post(client, chat())
    assert json.loads(log.getvalue())["status"] == 200


def test_requests_on_one_connection_are_counted_as_one(
    kimi: Simulator, client: httpx.Client
) -> None:
    for number in range(4):
        post(client, chat(stream=bool(number % 2)))
    post(client, chat(temperature=2))
    client.get("/nowhere")
    assert kimi.connections == 1
    assert [record["connection"] for record in kimi.requests] == [1] * 6


def test_a_client_that_leaves_a_stream_is_noticed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.jsonl"
    with Simulator(log=path, chunk_delay=0.01) as kimi, connect(kimi) as client:
        with client.stream("POST", "/chat/completions", json=chat("repeat: 500", stream=True)) as r:
            next(r.iter_lines())
        until(lambda: kimi.requests[-1]["closed_early"])
        until(path.read_text)
    assert json.loads(path.read_text())["closed_early"] is True


# Caching


def test_a_repeated_prefix_is_counted_as_cached(client: httpx.Client) -> None:
    def cached(*texts: str, **fields: Any) -> int:
        messages = [{"role": "user", "content": text} for text in texts]
        body = {"model": K26, "messages": messages, **fields}
        return int(post(client, body).json()["usage"]["cached_tokens"])

    long = "word " * 300
    assert cached(long) == 0
    assert cached(long, "more") == 379
    assert cached("other " + long) == 0
    assert cached(long, prompt_cache_key="session") == 0
    assert cached(long, prompt_cache_key="session") == 379
    assert cached("short") == 0
    assert cached("short") == 0  # at most 256 tokens before: no hit


# Faults


def test_an_error_is_answered_as_often_as_asked(kimi: Simulator, client: httpx.Client) -> None:
    body = chat("hello\nfault: 429 engine_overloaded_error times=2 retry-after=0")
    for _ in range(2):
        answer = post(client, body)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "0"
        assert answer.json()["error"] == {
            "message": "The engine is currently overloaded, please try again later",
            "type": "engine_overloaded_error",
        }
    assert post(client, body).status_code == 200
    assert [record["fault"] for record in kimi.requests] == [
        "429 engine_overloaded_error",
        "429 engine_overloaded_error",
        None,
    ]


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        ("500", 500, "server_error"),
        ("503", 503, "server_unavailable"),
        ("400 content_filter", 400, "content_filter"),
        ("429 rate_limit_reached_error", 429, "rate_limit_reached_error"),
        ("exceeded_current_quota_error", 429, "exceeded_current_quota_error"),
        ("403 permission_denied_error", 403, "permission_denied_error"),
        ("token-quota", 429, "rate_limit_reached_error"),
        ("no-balance", 403, "exceeded_current_quota_error"),
    ],
)
def test_errors_have_their_type(client: httpx.Client, words: str, status: int, kind: str) -> None:
    answer = post(client, chat(), headers={"X-Simulator-Fault": words})
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_an_account_can_be_too_new_for_k2(client: httpx.Client) -> None:
    """https://github.com/netbirdio/docs/pull/872"""
    words = {"X-Simulator-Fault": "new-account times=always"}
    answer = post(client, chat(), headers=words)
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "message": "Not found the model kimi-k2.6 or Permission denied",
        "type": "resource_not_found_error",
    }
    assert post(client, {**chat(), "model": "kimi-k3"}, headers=words).status_code == 200


def test_an_error_can_carry_headers_and_lack_its_type(client: httpx.Client) -> None:
    words = "429 untyped header='X-RateLimit-Limit: 3' header=X-RateLimit-Reset:20 retry-after=0"
    answer = post(client, chat(), headers={"X-Simulator-Fault": words})
    assert answer.headers["x-ratelimit-limit"] == "3"
    assert answer.headers["x-ratelimit-reset"] == "20"
    assert answer.headers["retry-after"] == "0"
    assert answer.json()["error"].keys() == {"message"}


def test_tokens_written_to_the_cache_are_told_where_the_request_speaks_of_them(
    client: httpx.Client,
) -> None:
    options = {"prompt_cache_options": {"ttl": "1h"}}
    usage = post(client, {**chat(**options), "model": "kimi-k3"}).json()["usage"]
    assert usage["prompt_tokens_details"] == {"cache_write_tokens": usage["prompt_tokens"]}
    assert "prompt_tokens_details" not in post(client, chat(**options)).json()["usage"]
    scripted = post(client, chat("{{cache-write: 7}} hi")).json()["usage"]
    assert scripted["prompt_tokens_details"] == {"cache_write_tokens": 7}


def test_a_gateway_answers_in_html(client: httpx.Client) -> None:
    answer = post(client, chat("fault: html"))
    assert answer.status_code == 504
    assert answer.headers["content-type"].startswith("text/html")
    assert "504 Gateway Time-out" in answer.text


def test_a_connection_is_dropped_without_an_answer(kimi: Simulator, client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, chat("fault: drop"))
    assert kimi.requests[-1]["fault"] == "drop"
    assert kimi.requests[-1]["status"] is None
    assert post(client, chat("fault: drop")).status_code == 200


def test_a_stream_breaks_after_some_chunks(client: httpx.Client) -> None:
    seen = []
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream(
            "POST", "/chat/completions", json=chat("fault: cut after=3", stream=True)
        ) as r,
    ):
        seen.extend(line for line in r.iter_lines() if line)
    assert len(seen) == 3


def test_a_whole_answer_can_be_cut_too(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, chat("fault: cut"))


def test_a_stream_can_end_without_done_or_with_an_error(client: httpx.Client) -> None:
    silent = events(post(client, chat("fault: no-done", stream=True)))
    assert json.loads(silent[-1])["choices"][0]["finish_reason"] == "stop"
    body = chat("fault: error-in-stream after=1 type=server_error message='it broke'", stream=True)
    broken = events(post(client, body))
    assert len(broken) == 2
    assert json.loads(broken[-1]) == {"error": {"message": "it broke", "type": "server_error"}}


def test_faults_are_queued_by_hand(kimi: Simulator, client: httpx.Client) -> None:
    kimi.fault(status=500, times=2, message="oh")
    kimi.fault(no_done=True)
    kimi.fault(error_in_stream=True)
    assert [post(client, chat()).status_code for _ in range(2)] == [500, 500]
    assert events(post(client, chat(stream=True)))[-1] != "[DONE]"
    assert "error" in json.loads(events(post(client, chat(stream=True)))[-1])
    assert events(post(client, chat(stream=True)))[-1] == "[DONE]"
    kimi.fault(status=503)
    assert client.get("/models").status_code == 503
    with pytest.raises(TypeError, match="colour"):
        kimi.fault(colour="red")


def test_an_answer_can_be_delayed(client: httpx.Client) -> None:
    start = time.monotonic()
    assert post(client, chat("fault: delay=0.2")).status_code == 200
    assert time.monotonic() - start >= 0.2


# Running


def test_a_hundred_streams_at_once(kimi: Simulator) -> None:
    limits = httpx.Limits(max_connections=100)
    headers = {"Authorization": f"Bearer {kimi.key}"}
    barrier = threading.Barrier(100)

    def one(client: httpx.Client, number: int) -> bool:
        barrier.wait(20)
        sent = events(post(client, chat(f"say: number {number}\n", stream=True)))
        words = [json.loads(line)["choices"][0]["delta"].get("content", "") for line in sent[:-1]]
        return sent[-1] == "[DONE]" and "".join(words) == f"number {number}"

    with (
        httpx.Client(base_url=kimi.base_url, headers=headers, limits=limits, timeout=30) as client,
        concurrent.futures.ThreadPoolExecutor(100) as pool,
    ):
        assert all(pool.map(lambda number: one(client, number), range(100)))
    assert len(kimi.requests) == 100


def test_stop_is_fast_also_with_open_connections_and_running_streams() -> None:
    before = threading.active_count()
    kimi = Simulator(chunk_delay=0.5).start()
    with connect(kimi) as idle, connect(kimi) as busy:
        post(idle, chat("hi", n=2))
        with busy.stream("POST", "/chat/completions", json=chat("repeat: 999", stream=True)) as r:
            lines = r.iter_lines()
            next(lines)
            start = time.monotonic()
            kimi.stop()
            assert time.monotonic() - start < 60  # of the 500 seconds that it would take
            with pytest.raises(httpx.HTTPError):
                list(lines)
    assert threading.active_count() == before
    kimi.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", kimi.port), timeout=1)


def test_it_starts_again_on_the_same_port() -> None:
    kimi = Simulator()
    with kimi:
        port = kimi.port
        with pytest.raises(RuntimeError, match="already"):
            kimi.start()
    with kimi, connect(kimi) as client:
        assert kimi.port == port
        assert post(client, chat()).status_code == 200


def test_what_is_no_http_gets_an_answer_and_no_output(
    kimi: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", kimi.port)) as raw:
        raw.sendall(b"HELLO\r\n\r\n")
        assert b"invalid_request_error" in raw.makefile("rb").read()
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_its_own_is_a_500_and_not_a_traceback(
    kimi: Simulator,
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("llm_kimi.simulator.http.chat_handler.plan", lambda *_: 1 / 0)
    assert post(client, chat()).status_code == 500
    assert "ZeroDivisionError" in kimi.requests[-1]["error"]
    assert capfd.readouterr() == ("", "")


def test_nothing_is_left_open(tmp_path: pathlib.Path) -> None:
    code = (
        "import httpx\n"
        "from llm_kimi.simulator import Simulator\n"
        f"with Simulator(log={str(tmp_path / 'log')!r}) as kimi:\n"
        "    with httpx.Client(headers={'Authorization': 'Bearer k'}) as client:\n"
        "        client.get(kimi.base_url + '/models')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-X", "dev", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
