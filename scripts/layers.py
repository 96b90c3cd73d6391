"""The layers of the package: what each is for, what it may import, and what it does import.

The one table of the order in which the package is built. ``test_import_direction.py`` holds
the code to it, ``draw_layers.py`` draws it. Imports are read from the source; nothing is loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

ROOT = Path(__file__).parent.parent
PACKAGE = "llm_kimi"


@dataclass(frozen=True)
class Layer:
    """A module of the package, or a folder of them.

    ``may``: the layers it may import, all of them further up in ``LAYERS``. ``pure``: no I/O, and
    nothing but the standard library. ``lazy``: imports other layers inside functions only, because
    ``llm`` or ``import llm_kimi`` loads it at every start.
    """

    name: str
    does: str
    may: tuple[str, ...] = ()
    pure: bool = False
    lazy: bool = False


_FACTS = ("catalog", "sniff", "errors")
_LOGIC = (*_FACTS, "translation", "reply", "exchange")
_INSIDE = (*_LOGIC, "config", "transport", "download", "files", "official_tools")
_TERMINAL = (*_INSIDE, "terminal")
_OPENAI = ("integrations.openai_http", "integrations.openai_chat")

# Ground floor first: a layer imports only layers that stand above it in this list.
LAYERS: tuple[Layer, ...] = (
    Layer("errors", "exceptions", pure=True),
    Layer("catalog", "what each model allows", pure=True),
    Layer("sniff", "what some bytes are", pure=True),
    Layer("translation", "OpenAI's request to Kimi's", may=_FACTS, pure=True),
    Layer("reply", "bytes to chunks to message", may=_FACTS, pure=True),
    Layer("exchange", "one conversation, no I/O", may=(*_FACTS, "translation", "reply"), pure=True),
    Layer("config", "key, base URL, new models", may=_FACTS),
    Layer("transport", "perform an exchange: HTTP", may=(*_LOGIC, "config")),
    Layer("download", "a URL in, bytes out", may=("errors", "config")),
    Layer("files", "uploads, texts, the cache", may=(*_LOGIC, "config", "download")),
    Layer("official_tools", "tools that Moonshot runs", may=(*_LOGIC, "config")),
    Layer("terminal", "what a person is told", may=(*_LOGIC, "config")),
    Layer("integrations.openai_http", "OpenAI's wire form", may=_LOGIC, pure=True),
    Layer(
        "integrations.openai_chat",
        "one chat of OpenAI's API",
        may=(*_INSIDE, "integrations.openai_http"),
    ),
    Layer("integrations.openai", "the OpenAI SDK's clients", may=(*_INSIDE, *_OPENAI)),
    Layer(
        "integrations.serve",
        "a server for a base URL",
        may=(*_INSIDE, *_OPENAI),
    ),
    Layer("integrations.llm", "llm's prompts and events", may=_TERMINAL),
    Layer("integrations.litellm", "LiteLLM's calls and replies", may=_INSIDE),
    # Its own checks: the translation is tested against a second reading of the rules.
    Layer("simulator", "an offline Kimi", may=("catalog",)),
    Layer(
        "commands",
        "llm kimi ...",
        may=(
            *_TERMINAL,
            "integrations.llm",
            "integrations.openai_chat",
            "integrations.serve",
            "simulator",
        ),
    ),
    Layer("litellm", "import it: provider kimi", may=("integrations.litellm",)),
    Layer(
        "integrations.litellm.startup",
        "Kimi in others' LiteLLM",
        may=("integrations.litellm", "litellm"),
        lazy=True,
    ),
    Layer("openai", "import it: the SDK for Kimi", may=("integrations.openai",)),
    Layer("serve", "python -m: the server alone", may=("commands",), lazy=True),
    Layer("pytest_plugin", "a fixture for your tests", may=("config", "simulator")),
    Layer(
        "plugin",
        "llm's hooks",
        may=("catalog", "config", "integrations.llm", "commands"),
        lazy=True,
    ),
)

FRONT = Layer(
    PACKAGE,
    "names, loaded when used",
    may=("errors", "translation", "integrations.llm"),
    lazy=True,
)
"""``__init__``, above all layers. Every layer may read ``__version__``, nothing else."""

_NAMES = frozenset(layer.name for layer in LAYERS)

# (module, what it imports) -> why it may, although that does not point down.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("errors", "translation.adjustments"): (
        "the type of StrictError.adjustments, for type checkers only; never loaded"
    ),
    ("reply.restore", "translation"): (
        "the type of what a translation says about the way back; never loaded, so that replies "
        "can be read without the translation"
    ),
}

# Modules that only these layers may import: each has one door in this package.
OWNERS: dict[str, tuple[str, ...]] = {
    "litellm": ("integrations.litellm", "litellm"),
    "aiohttp": ("integrations.serve",),
    "openai": ("transport", "integrations.openai"),
    "httpx": ("transport", "download", "integrations.litellm"),
    "httpx2": ("transport", "download"),
    "pydantic": ("integrations.llm",),
    "pytest": ("pytest_plugin",),
    "python_multipart": ("integrations.serve",),
    "sqlite3": ("files",),
    "uvicorn": ("integrations.serve",),
}

# What a pure layer does without: files, processes, sockets, the environment, the clock's sleep.
IO_MODULES = frozenset(
    {
        "asyncio",
        "http",
        "multiprocessing",
        "os",
        "pathlib",
        "select",
        "shutil",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "time",
        "urllib.request",
    }
)

When: TypeAlias = Literal["loaded", "late", "types"]


@dataclass(frozen=True)
class Import:
    """One import. Modules of the package are named without its name; the front is ``""``.

    ``when``: ``loaded`` with the importer, ``late`` (inside a function), or for ``types`` only.
    ``names`` are those taken by ``from ... import``. ``ours``: of this package.
    """

    importer: str
    imported: str
    when: When
    line: int
    ours: bool
    names: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[str, str]:
        """The layers of both."""
        return layer_of(self.importer), layer_of(self.imported)

    def __str__(self) -> str:
        taken = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.importer or PACKAGE}:{self.line} imports {self.imported or PACKAGE}{taken}"


def layer_of(module: str) -> str:
    """The layer in which a module of ours stands: the longest name in the table that holds it."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in _NAMES:
            return ".".join(parts[:end])
    return parts[0] or PACKAGE


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, without the package's name, and its file."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import in the package, as it stands in the source."""
    known = modules()
    return tuple(
        item
        for module, path in known.items()
        for item in _Reader(module, path, frozenset(known)).read()
    )


class _Reader:
    """Reads the imports of one module."""

    def __init__(self, module: str, path: Path, known: frozenset[str]) -> None:
        self._module = module
        self._path = path
        self._known = known
        inside = [PACKAGE, *(module.split(".") if module else [])]
        self._package = inside if path.name == "__init__.py" else inside[:-1]

    def read(self) -> Iterator[Import]:
        yield from self._visit(ast.parse(self._path.read_text(encoding="utf-8")), "loaded")

    def _visit(self, node: ast.AST, when: When) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield self._import(alias.name, when, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                yield from self._import_from(child, when)
            else:
                if isinstance(child, ast.Call):
                    yield from self._import_module(child, when)
                yield from self._visit(child, _when(child, when))

    def _import(self, name: str, when: When, line: int, names: tuple[str, ...] = ()) -> Import:
        top, _, rest = name.partition(".")
        ours = top == PACKAGE
        return Import(self._module, rest if ours else name, when, line, ours, names)

    def _import_from(self, node: ast.ImportFrom, when: When) -> Iterator[Import]:
        base = self._package[: len(self._package) - node.level + 1] if node.level else []
        name = ".".join([*base, *([node.module] if node.module else [])])
        plain = []
        for alias in node.names:
            inner = f"{name}.{alias.name}"
            if inner.removeprefix(f"{PACKAGE}.") in self._known and inner.startswith(PACKAGE):
                yield self._import(inner, when, node.lineno)
            else:
                plain.append(alias.name)
        if plain:
            yield self._import(name, when, node.lineno, tuple(plain))

    def _import_module(self, node: ast.Call, when: When) -> Iterator[Import]:
        """``import_module("name")``; a name that is computed is shown as ``?``."""
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name not in ("import_module", "__import__"):
            return
        wanted = node.args[0] if node.args else None
        if isinstance(wanted, ast.Constant) and isinstance(wanted.value, str):
            text = wanted.value
            if text.startswith("."):
                level = len(text) - len(text.lstrip("."))
                base = self._package[: len(self._package) - level + 1]
                text = ".".join([*base, text.lstrip(".")])
            yield self._import(text, when, node.lineno)
        else:
            yield Import(self._module, "?", when, node.lineno, False)


def _when(node: ast.AST, outside: When) -> When:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return "types"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return "types" if outside == "types" else "late"
    return outside
