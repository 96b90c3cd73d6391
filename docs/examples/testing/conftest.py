pytest_plugins = ["llm_kimi.pytest_plugin"]
