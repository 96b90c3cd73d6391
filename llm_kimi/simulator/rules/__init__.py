"""What Kimi refuses, and in which words: chats, messages, tools, files, schemas."""
