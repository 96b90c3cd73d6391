"""LlamaIndex's OpenAILike takes an HTTP client."""

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from llm_kimi.config.settings import base_url, find_key
from llm_kimi.openai import KimiHTTPClient

model = OpenAILike(
    model="kimi-k3.1-pro",
    api_key=find_key(),
    api_base=base_url(),
    is_chat_model=True,
    http_client=KimiHTTPClient(),
)

print(model.chat([ChatMessage(role="user", content="say: Hello")]).message.content)
for piece in model.stream_chat([ChatMessage(role="user", content="say: Hello from a stream")]):
    print(piece.delta, end="")
print()
