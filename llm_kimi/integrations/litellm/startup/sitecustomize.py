"""Runs first in a Python that ``llm kimi with-litellm`` has started, whatever is installed in it.

Python imports a module of this name from its path when it starts
(https://docs.python.org/3/library/site.html); the folder of this file is the first on it then. It
waits until the program imports ``litellm``, and makes Kimi known to it. ``llm_kimi`` is found where
the variable says, and nothing else of the environment that it is installed in.

It may meet a Python that is too old for the rest of the package, so it keeps to what all have.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

VARIABLE = "LLM_KIMI_PACKAGE"
STARTED_VARIABLE = "LLM_KIMI_STARTED"


def _tell(text: str) -> None:
    sys.stderr.write(f"kimi: {text}\n")
    sys.stderr.flush()


def _register() -> None:
    if sys.version_info < (3, 10):  # noqa: UP036
        _tell("this program's Python is older than 3.10, so Kimi is not available in its LiteLLM")
        return
    text = None
    try:
        versions = importlib.import_module("llm_kimi.integrations.litellm.versions")
        text = versions.unsupported()
        importlib.import_module("llm_kimi.litellm")
    except Exception as error:
        reason = text or " ".join(str(error).split()) or type(error).__name__
        _tell(f"Kimi is not available in LiteLLM here: {reason}")
        return
    if text:
        _tell(text)


class _Loader(importlib.abc.Loader):
    """Loads litellm as its own loader does, and registers Kimi when that is done."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: Any) -> Any:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._inner
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        self._inner.exec_module(module)
        _register()


class _Finder(importlib.abc.MetaPathFinder):
    """Sees ``litellm`` when it is imported, and knows where ``llm_kimi`` is."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name == "llm_kimi":
            folder = os.environ.get(VARIABLE, "")
            return importlib.util.spec_from_file_location(
                name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
            )
        if name != "litellm":
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)
                return spec
        return None


def _run_the_next() -> None:
    """Run the ``sitecustomize`` that this one hides, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [place for place in sys.path if os.path.abspath(place or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _say_that_it_ran() -> None:
    with contextlib.suppress(OSError):
        os.unlink(os.environ.get(STARTED_VARIABLE, ""))


if os.environ.get(VARIABLE):
    _say_that_it_ran()
    sys.meta_path.insert(0, _Finder())
    _run_the_next()
