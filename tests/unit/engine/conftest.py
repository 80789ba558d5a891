"""A small API server, an engine that writes to it, and a job that both know."""

from __future__ import annotations

import pytest

from unit.engine.support import Engine, FakeApi
from wavegate.domain.observed import JobView


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def engine(api: FakeApi) -> Engine:
    return Engine(api)


@pytest.fixture
async def job(engine: Engine) -> JobView:
    return engine.make_job()
