"""``KimiLLM``: the custom provider that LiteLLM calls.

One object serves all threads and event loops; nothing of a call is kept on it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Any, NoReturn

import litellm
from litellm import CustomLLM
from litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response import (
    convert_to_model_response_object,
)

from ...config import settings
from ...errors import KimiError
from ...exchange import Chunks, Exchange, Notice, Target
from ...translation.weight import is_heavy
from ...transport.in_thread import aside
from ...transport.run import arun, run
from .exceptions import to_litellm
from .headers import is_sensitive
from .keys import find_key
from .plain_text import Direct
from .preflight import refuse
from .proxy import refuse_forbidden, remember_adjustments
from .proxy_clients import client_body
from .requests import ADJUSTMENTS, read_call, translate_call
from .response_fields import known_completion
from .router_before_1_108 import router_error, router_retries
from .stream import Fold
from .transport import AsyncTransport, Endpoint, Transport
from .usage import litellm_usage

__all__ = ["KimiLLM"]

logger = logging.getLogger("llm_kimi")


class _Call:
    """One LiteLLM call, ready to go: sync and async differ in the loop that drives it."""

    def __init__(self, provider: str, *, stream: bool, asynchronous: bool, **given: Any) -> None:
        self.provider = provider
        self.model = str(given["model"])
        self.params: dict[str, Any] = given.get("litellm_params") or {}
        self.response = given.get("model_response")
        self.logging = given.get("logging_obj")
        self.messages = given["messages"]
        try:
            self._refuse_clients_choices()
            base_url = settings.base_url(given.get("api_base"))
            self.key, source = find_key(
                given.get("api_key"),
                base_url,
                given.get("headers"),
                model=self.model,
                provider=provider,
            )
            if warning := settings.cleartext_warning(base_url):
                logger.warning(warning)
            asked = read_call(
                self.model,
                self.messages,
                given.get("optional_params") or {},
                self.params,
                provider=provider,
                stream=stream,
            )
            self.translation = translate_call(asked)
            self.endpoint = Endpoint(
                base_url,
                self.key,
                headers=given.get("headers"),
                timeout=given.get("timeout"),
                client=given.get("client"),
                ssl_verify=_ssl_verify(self.params, given.get("optional_params") or {}),
            )
        except KimiError as error:
            raise to_litellm(error, self.model, provider) from None
        retries = asked.max_retries
        if stream and asynchronous:
            retries = router_retries(self.params, retries)
        target = Target(base_url=base_url, key=self.key, key_source=source)
        files = tools = None
        if self.translation.official:
            from ...official_tools.tools import OfficialTools

            tools = OfficialTools(target, strict=asked.strict, max_retries=retries)
        if self.translation.needs:
            from ...files.request_files import RequestFiles

            files = RequestFiles(
                target, keep=asked.keep_files, strict=asked.strict, max_retries=retries
            )
        self.exchange = Exchange(
            self.translation, target, max_retries=retries, files=files, tools=tools
        )
        remember_adjustments(self.logging, self.adjustments)
        self._log_request()

    def _refuse_clients_choices(self) -> None:
        """What a proxy's client must not choose, had the proxy let it through."""
        body = client_body(self.params.get("proxy_server_request"))
        refuse_forbidden(body, model=self.model, provider=self.provider)

    @property
    def adjustments(self) -> list[dict[str, Any]]:
        """What the translation changed, as JSON."""
        return [adjustment.to_dict() for adjustment in self.translation.adjustments]

    def _log_request(self) -> None:
        if self.logging is None:
            return
        headers = {k: v for k, v in self.endpoint.headers.items() if not is_sensitive(k)}
        self.logging.pre_call(
            input=self.messages,
            api_key=self.key,
            additional_args={
                "complete_input_dict": self.translation.body,
                "api_base": self.endpoint.url,
                "headers": headers,
            },
        )

    def fold(self) -> Fold:
        """What makes LiteLLM's chunks of a stream."""
        return Fold(self.adjustments, Direct(self.model, self.logging))

    def note(self, output: Chunks | Notice) -> None:
        """A line of the exchange, for the log; a wait for a retry changes nothing in the reply."""
        if isinstance(output, Notice):
            level = logging.INFO if output.is_news else logging.WARNING
            logger.log(level, "%s", output.text)

    def fail(self, error: KimiError) -> NoReturn:
        """Raise LiteLLM's exception for ``error``."""
        raise self.error(error) from None

    def error(self, error: KimiError) -> Exception:
        """LiteLLM's exception for ``error``."""
        return to_litellm(error, self.model, self.provider, self.endpoint.url)

    def usage(self) -> dict[str, Any] | None:
        """The usage of the answer, as LiteLLM reads it."""
        return litellm_usage((self.exchange.completion or {}).get("usage"), self.translation.body)

    def finish(self) -> Any:
        """The whole answer, in the response object that LiteLLM prepared."""
        try:
            completion = known_completion(self.exchange.completion or {"choices": []})
        except KimiError as error:
            self.fail(error)
        if self.logging is not None:
            self.logging.post_call(
                input=self.messages,
                api_key=self.key,
                original_response=completion,
                additional_args={"complete_input_dict": self.translation.body},
            )
        response: Any = self.response
        if response is None:
            response = litellm.ModelResponse()
        usage = self.usage()
        filled = convert_to_model_response_object(
            response_object=completion if usage is None else {**completion, "usage": usage},
            model_response_object=response,
            hidden_params={ADJUSTMENTS: self.adjustments},
            _response_headers=dict(self.exchange.headers.items()),
        )
        filled.model = f"{self.provider}/{self.model}"
        if self.adjustments and filled.choices:
            message = filled.choices[0].message
            fields = getattr(message, "provider_specific_fields", None) or {}
            message.provider_specific_fields = {**fields, ADJUSTMENTS: self.adjustments}
        return filled


def _ssl_verify(litellm_params: dict[str, Any], optional_params: dict[str, Any]) -> Any:
    """It stands in the one or the other, as versions go."""
    value = litellm_params.get("ssl_verify")
    return optional_params.get("ssl_verify") if value is None else value


class KimiLLM(CustomLLM):
    """Kimi for LiteLLM; see ``llm_kimi.litellm``."""

    def __init__(self, provider: str = "kimi") -> None:
        super().__init__()
        self.provider = provider

    def completion(self, **given: Any) -> Any:
        """A whole answer."""
        call = _Call(self.provider, stream=False, asynchronous=False, **given)
        try:
            for output in run(call.exchange, Transport(call.endpoint)):
                call.note(output)
        except KimiError as error:
            call.fail(error)
        return call.finish()

    async def acompletion(self, **given: Any) -> Any:
        """A whole answer, async."""
        heavy = is_heavy(given.get("optional_params") or {})
        call = await aside(heavy, _Call, self.provider, stream=False, asynchronous=True, **given)
        try:
            async for output in arun(call.exchange, AsyncTransport(call.endpoint)):
                call.note(output)
        except KimiError as error:
            call.fail(error)
        return call.finish()

    def streaming(self, **given: Any) -> Any:
        """A stream. It is opened here, so that errors come at the call, as LiteLLM's own do."""
        call = _Call(self.provider, stream=True, asynchronous=False, **given)
        outputs = run(call.exchange, Transport(call.endpoint))
        try:
            first = next(outputs, None)
        except KimiError as error:
            call.fail(error)
        return self._stream(call, first, outputs)

    @staticmethod
    def _stream(call: _Call, first: Any, outputs: Any) -> Iterator[Any]:
        fold = call.fold()
        try:
            output = first
            while output is not None:
                call.note(output)
                yield from fold.feed(output)
                output = next(outputs, None)
            yield fold.end(call.usage())
        except KimiError as error:
            call.fail(error)
        finally:
            outputs.close()

    def astreaming(self, **given: Any) -> AsyncGenerator[Any, None]:
        """A stream, async. LiteLLM calls this outside of the loop: it opens at the first step."""
        call = _Call(self.provider, stream=True, asynchronous=True, **given)
        return self._astream(call)

    @staticmethod
    async def _astream(call: _Call) -> AsyncGenerator[Any, None]:
        fold = call.fold()
        begun = False
        outputs = arun(call.exchange, AsyncTransport(call.endpoint))
        try:
            async for output in outputs:
                call.note(output)
                for chunk in fold.feed(output):
                    begun = True
                    yield chunk
            yield fold.end(call.usage())
        except KimiError as error:
            mapped = call.error(error)
            if not begun:
                mapped = router_error(mapped, call.params, call.model, call.provider)
            raise mapped from None
        finally:
            await outputs.aclose()

    def embedding(self, *args: Any, **given: Any) -> Any:
        """Moonshot has no embeddings."""
        refuse("embeddings", given.get("model"), self.provider)

    async def aembedding(self, *args: Any, **given: Any) -> Any:
        """Moonshot has no embeddings."""
        refuse("embeddings", given.get("model"), self.provider)

    def image_generation(self, *args: Any, **given: Any) -> Any:
        """Moonshot makes no images."""
        refuse("image generation", given.get("model"), self.provider)

    async def aimage_generation(self, *args: Any, **given: Any) -> Any:
        """Moonshot makes no images."""
        refuse("image generation", given.get("model"), self.provider)

    def image_edit(self, *args: Any, **given: Any) -> Any:
        """Moonshot edits no images."""
        refuse("image editing", given.get("model"), self.provider)

    async def aimage_edit(self, *args: Any, **given: Any) -> Any:
        """Moonshot edits no images."""
        refuse("image editing", given.get("model"), self.provider)
