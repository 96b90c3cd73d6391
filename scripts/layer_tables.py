"""The tables of docs/architecture.md: the layers of the package, and their modules."""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.docs_blocks import ROOT, table

PACKAGE = ROOT / "llm_kimi"
_IO: dict[str, tuple[str, ...]] = {
    "network": ("socket", "ssl", "socketserver", "httpx", "httpx2", "openai"),
    "disk": ("sqlite3", "tempfile"),
    "programs": ("subprocess",),
}
_IO_CALLS = {
    "read_bytes": "disk",
    "read_text": "disk",
    "write_bytes": "disk",
    "write_text": "disk",
    "load_keys": "disk",
    "user_dir": "disk",
    "echo": "terminal",
}
_IO_NAMES = {"os.environ": "environment", "sys.stdin": "terminal", "sys.stderr": "terminal"}
_IO_ORDER = ("network", "disk", "programs", "environment", "terminal")


def _what(path: Path) -> str:
    """The first line of a module's docstring."""
    lines = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()
    return lines[0].replace("``", "`") if lines else ""


def _touches(path: Path) -> set[str]:
    """What of the world outside a module reaches for by itself, found in its source."""
    found: set[str] = set()

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if ast.unparse(node.test) != "TYPE_CHECKING":
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            for alias in node.names:
                self.imported(alias.name)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            if not node.level:
                self.imported(node.module or "")

        def imported(self, name: str) -> None:
            top = "httpx" if "custom_httpx" in name else name.partition(".")[0]
            found.update(kind for kind, names in _IO.items() if top in names)

        def visit_Call(self, node: ast.Call) -> None:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in _IO_CALLS:
                found.add(_IO_CALLS[name])
            plain = isinstance(node.func, ast.Name)
            if name == "open" and (plain or (node.args and isinstance(node.args[0], ast.Constant))):
                found.add("disk")
            self.generic_visit(node)

        def visit_Attribute(self, node: ast.Attribute) -> None:
            name = ast.unparse(node)
            if name in _IO_NAMES:
                found.add(_IO_NAMES[name])
            self.generic_visit(node)

    Visitor().visit(ast.parse(path.read_text("utf-8")))
    return found


def _modules(layer: Path) -> list[Path]:
    """The source files of a layer."""
    return sorted(layer.rglob("*.py")) if layer.is_dir() else [layer]


def _layers() -> list[Path]:
    """The layers as modules and packages, ground floor first."""
    from layers import LAYERS

    paths = [PACKAGE.joinpath(*layer.name.split(".")) for layer in LAYERS]
    return [path if path.is_dir() else path.with_suffix(".py") for path in paths]


def _name(layer: Path) -> str:
    return layer.relative_to(PACKAGE).with_suffix("").as_posix()


def layers_table() -> str:
    """Each layer: what it does, and what of the outside world it touches."""
    rows = []
    for layer in _layers():
        head = layer / "__init__.py" if layer.is_dir() else layer
        touched = {kind for path in _modules(layer) for kind in _touches(path)}
        name = f"`{_name(layer)}{'/' if layer.is_dir() else ''}`"
        io = ", ".join(kind for kind in _IO_ORDER if kind in touched) or "none"
        rows.append((name, _what(head), io))
    return table(("Layer", "What it does", "I/O"), rows)


def modules_tables() -> str:
    """The modules of each layer that has several."""
    parts = []
    for layer in _layers():
        if not layer.is_dir():
            continue
        rows = [
            (f"`{path.relative_to(layer).with_suffix('').as_posix()}`", _what(path))
            for path in _modules(layer)
            if path.name != "__init__.py"
        ]
        parts.append(f"### {_name(layer)}\n\n" + table(("Module", "What it does"), rows))
    return "\n\n".join(parts)
