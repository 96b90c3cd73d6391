"""Imports point down: each layer of the package imports only the layers that it may.

The table is ``scripts/layers.py``. The source is read, not loaded, so that late imports count too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from scripts.layers import (
    EXCEPTIONS,
    FRONT,
    IO_MODULES,
    LAYERS,
    OWNERS,
    PACKAGE,
    ROOT,
    Import,
    Layer,
    imports,
    layer_of,
    modules,
)

EVERY = (*LAYERS, FRONT)
TABLE = {layer.name: layer for layer in EVERY}
every_layer = pytest.mark.parametrize("layer", EVERY, ids=lambda layer: layer.name)


def _between_layers(layer: Layer) -> list[Import]:
    """The imports of other layers; the version is everybody's."""
    return [
        item
        for item in imports()
        if item.ours
        and layer_of(item.importer) == layer.name
        and layer_of(item.imported) != layer.name
        and not (item.imported == "" and item.names == ("__version__",))
    ]


def _foreign(layer: Layer) -> list[Import]:
    return [
        item
        for item in imports()
        if not item.ours and item.imported != "?" and layer_of(item.importer) == layer.name
    ]


def _shown(items: list[Import]) -> list[str]:
    return [str(item) for item in items]


def test_every_module_stands_in_a_layer_of_the_table() -> None:
    folders = {layer.name.rpartition(".")[0] for layer in LAYERS}
    assert {layer_of(module) for module in modules()} - folders == set(TABLE) - folders


def test_the_table_itself_points_down() -> None:
    below: set[str] = set()
    for layer in EVERY:
        assert set(layer.may) <= below, layer.name
        below.add(layer.name)


@every_layer
def test_a_layer_imports_only_layers_that_it_may(layer: Layer) -> None:
    wrong = [
        item
        for item in _between_layers(layer)
        if layer_of(item.imported) not in layer.may
        and (item.importer, item.imported) not in EXCEPTIONS
    ]
    assert _shown(wrong) == []


@pytest.mark.parametrize(
    "layer", [layer for layer in EVERY if layer.lazy], ids=lambda layer: layer.name
)
def test_what_is_loaded_at_every_start_imports_layers_inside_functions(layer: Layer) -> None:
    assert _shown([item for item in _between_layers(layer) if item.when == "loaded"]) == []


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=" to ".join)
def test_an_exception_is_still_needed_and_never_loaded(exception: tuple[str, str]) -> None:
    found = [item for item in imports() if (item.importer, item.imported) == exception]
    assert found, "the exception is not needed any more"
    importer, imported = exception
    assert layer_of(imported) not in TABLE[layer_of(importer)].may
    assert {item.when for item in found} == {"types"}


# (module, what it imports) -> why this one closes a circle, for type checkers only.
CIRCLES = {
    ("files.insert", "files.request_file"): "the type of what is inserted",
    ("errors", "translation.adjustments"): "see EXCEPTIONS",
    ("reply.restore", "translation"): "see EXCEPTIONS",
}


def test_no_file_imports_itself_over_others() -> None:
    """Files, late imports and types too: a circle works only as long as nobody turns it round."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(modules(), ()))
    for item in imports():
        edge = (item.importer, item.imported)
        if item.ours and item.imported and edge not in CIRCLES and edge[0] != edge[1]:
            sorter.add(*edge)
    sorter.prepare()


PURE_TESTS = {layer.name for layer in LAYERS if layer.pure} | {
    "simulator.rules",
    "simulator.replies",
}


@cache
def _names_imported(path: Path) -> list[str]:
    """What a file imports, late imports too: modules, and names of modules."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def _imported_by_tests(path: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """(file, module of the package) for each import of a test and of the helpers it imports."""
    seen.add(path)
    known = modules()
    for name in _names_imported(path):
        if name.startswith(f"{PACKAGE}.") and name.removeprefix(f"{PACKAGE}.") in known:
            yield path, name.removeprefix(f"{PACKAGE}.")
        helper = ROOT.joinpath(*name.split("."))
        for file in (helper.with_suffix(".py"), helper / "__init__.py"):
            if name.startswith("tests.") and file.exists() and file not in seen:
                yield from _imported_by_tests(file, seen)


def test_pure_tests_import_pure_layers_only() -> None:
    """They run once, on the newest hosts: nothing in them may hang on a host, a disk, a network."""
    wrong = set()
    for path in sorted((ROOT / "tests" / "pure").rglob("test_*.py")):
        for file, module in _imported_by_tests(path, set()):
            pure = any(f"{module}.".startswith(f"{name}.") for name in PURE_TESTS)
            if not pure and module != "simulator":
                wrong.add(f"{file.relative_to(ROOT)} imports {module}")
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    "layer", [layer for layer in LAYERS if layer.pure], ids=lambda layer: layer.name
)
def test_a_pure_room_does_no_io(layer: Layer) -> None:
    wrong = [
        item
        for item in _foreign(layer)
        if item.imported.split(".")[0] not in sys.stdlib_module_names
        or any(f"{item.imported}.".startswith(f"{name}.") for name in IO_MODULES)
        or (item.imported == "urllib" and "request" in item.names)
    ]
    assert _shown(wrong) == []


@every_layer
def test_what_has_one_door_is_imported_there_only(layer: Layer) -> None:
    wrong = [
        item
        for item in _foreign(layer)
        if layer.name not in OWNERS.get(item.imported.split(".")[0], (layer.name,))
    ]
    assert _shown(wrong) == []


def test_names_are_computed_only_where_they_are_looked_up_in_a_list() -> None:
    computed = {layer_of(item.importer) for item in imports() if item.imported == "?"}
    assert computed <= {PACKAGE, "commands"}, "imports that this test cannot read"


def test_the_picture_shows_the_layers_as_they_are() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "draw_layers.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
