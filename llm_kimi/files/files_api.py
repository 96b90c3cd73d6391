"""Calls of the files API as steps of an exchange: retries, and errors with their hints."""

from __future__ import annotations

import json
import random
from collections.abc import Generator
from typing import Any

from ..errors import APIError, KimiError
from ..exchange import MAX_RETRIES, Answer, FileCall, Retry, Step, Target, Upload
from ..reply import api_error

__all__ = ["Remote"]

Json = dict[str, Any]


class Remote:
    """The files of one account. ``target`` says whose, for the error texts."""

    def __init__(
        self, target: Target, *, max_retries: int = MAX_RETRIES, jitter: Any = random.random
    ) -> None:
        self._target = target
        self._max_retries = max_retries
        self._jitter = jitter

    def call(self, call: FileCall) -> Generator[Step, Any, bytes]:
        """Perform ``call`` and give its answer's body.

        Raises:
            APIError: the API refused it.
            APIConnectionError: no answer.
        """
        retry = Retry(0 if call.cleaning else self._max_retries, self._jitter)
        while True:
            answer = yield call
            error: KimiError
            again: bool | None = None
            if isinstance(answer, Answer):
                if answer.status == 200:
                    return answer.body
                error = api_error(
                    answer.status,
                    answer.headers,
                    answer.body,
                    base_url=self._target.base_url,
                    key=self._target.key,
                    key_source=self._target.key_source,
                    file_id=call.file_id,
                )
            else:
                error, again = answer.error, answer.retryable
            yield from retry.wait(error, again)

    def upload(self, upload: Upload) -> Generator[Step, Any, Json]:
        """Upload; the file object that the API answers, with an ``id``."""
        return self._file_object((yield from self.call(FileCall("upload", upload=upload))))

    def retrieve(self, file_id: str) -> Generator[Step, Any, Json]:
        """The file object of an id."""
        return self._file_object((yield from self.call(FileCall("retrieve", file_id))))

    def exists(self, file_id: str) -> Generator[Step, Any, bool]:
        """Whether the account still has this file."""
        try:
            yield from self.call(FileCall("retrieve", file_id))
        except APIError as error:
            if error.status in (400, 404):
                return False
            raise
        return True

    def content(self, file_id: str) -> Generator[Step, Any, bytes]:
        """What was extracted from a file of purpose ``file-extract``."""
        return (yield from self.call(FileCall("content", file_id)))

    def list(self, *, cleaning: bool = False) -> Generator[Step, Any, list[Json]]:
        """Every file of the account."""
        answer = _parsed((yield from self.call(FileCall("list", cleaning=cleaning))))
        rows = answer.get("data")
        if not isinstance(rows, list):
            raise _odd()
        return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]

    def delete(self, file_id: str, *, cleaning: bool = False) -> Generator[Step, Any, bool]:
        """Delete a file; False when there was none."""
        try:
            yield from self.call(FileCall("delete", file_id, cleaning=cleaning))
        except APIError as error:
            if error.status == 404:
                return False
            raise
        return True

    @staticmethod
    def _file_object(body: bytes) -> Json:
        answer = _parsed(body)
        if not isinstance(answer.get("id"), str) or not answer["id"]:
            raise _odd()
        return answer


def _parsed(body: bytes) -> Json:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise _odd()
    return answer


def _odd() -> APIError:
    return APIError("the files API answered with something that is not a file object", status=200)
