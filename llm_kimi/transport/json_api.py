"""The API's other endpoints, for the commands: one JSON question, one JSON answer.

Goes through the ``openai`` SDK's client as chats do; nothing is tried again.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ..errors import APIConnectionError, APIError
from ..exchange import Failed
from ..reply.api_errors import api_error
from ..reply.safe_text import one_line, scrub
from .deadline import Deadline
from .openai_sdk import OpenAITransport

__all__ = ["SECONDS", "Endpoints"]

SECONDS = 30.0
"""How long to wait for an answer; these are quick, or they are in trouble."""

Json = dict[str, Any]


class Endpoints(OpenAITransport):
    """The host at ``base_url``. ``key_source`` tells in error texts where the key came from."""

    def __init__(
        self, base_url: str, key: str, *, key_source: str = "", timeout: float = SECONDS
    ) -> None:
        super().__init__(base_url, key, timeout=timeout)
        self._key_source = key_source

    def get(self, path: str) -> Json:
        """The JSON object at ``path``, which is below the base URL (``/models``).

        Raises:
            APIError, APIConnectionError: what went wrong, with a hint.
            InvalidRequestError: key or base URL cannot be used.
        """
        return self._ask("get", path)

    def post(self, path: str, body: Json) -> Json:
        """The JSON object that answers ``body``; errors as ``get``."""
        return self._ask("post", path, body=body)

    def _ask(self, method: str, path: str, **body: Json) -> Json:
        self._check_key()
        kept = self._take()
        deadline = Deadline(self._timeout)
        deadline.start()
        ask = partial(getattr(kept.client, method), cast_to=bytes, **body)
        try:
            content = deadline.bound(partial(ask, options={"timeout": self._timeout}), path)
        except Exception as error:
            result = self._explain(error)
        else:
            return self._json(content)
        finally:
            self._give_back(kept)
        answer = self._told(result)
        if isinstance(answer, Failed):
            raise self._unanswered(answer.error)
        raise api_error(
            answer.status,
            answer.headers,
            answer.body,
            base_url=self.base_url,
            key=self._key,
            key_source=self._key_source,
        )

    def _unanswered(self, error: APIConnectionError) -> APIConnectionError:
        if not error.timeout or "no connection" in str(error):
            return error
        text = f"timed out: no answer from {self.base_url} within {self._timeout:g} seconds"
        return APIConnectionError(text, timeout=True)

    def _json(self, content: bytes) -> Json:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        text = scrub(one_line(content[:200].decode("utf-8", "replace")), self._key)
        told = "a web page" if text.startswith("<") else text[:60] or "nothing"
        raise APIError(
            f"the answer is not a JSON object but {told}",
            status=200,
            hint=f"Is there a Kimi API at {self.base_url}? Its base URL ends in /v1",
        )
