"""Tests of layers without I/O: they get no folder of their own, since there is none to need it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_folder() -> None:
    """In place of the one that makes a folder, which would take longer than most of these tests."""
