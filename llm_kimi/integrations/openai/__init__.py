"""The OpenAI SDK: its clients, with an HTTP transport that translates chats for Kimi."""
