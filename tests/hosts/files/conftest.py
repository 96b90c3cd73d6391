"""Each test by both loops."""

from __future__ import annotations

import pytest

from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.request_files import WAYS


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)
