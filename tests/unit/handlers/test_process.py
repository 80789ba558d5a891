"""Kopf as the frame: what it is told before it starts."""

from __future__ import annotations

from typing import Any

import kopf
import pytest

from wavegate.handlers.process import KopfFrame
from wavegate.handlers.storages import ForgetfulDiffBase, ForgetfulProgress
from wavegate.kube.access import Connection


class OneAccess:
    async def connection(self) -> Connection:
        return Connection(
            server="https://api:6443",
            ca_path="/ca",
            insecure=False,
            scheme="Bearer",
            token="secret",
            certificate_path=None,
            private_key_path=None,
            proxy_url=None,
            default_namespace="ops",
        )


@pytest.fixture
def activities() -> dict[str, Any]:
    registry = KopfFrame(OneAccess()).registry  # type: ignore[arg-type]
    return {handler.activity.value: handler for handler in registry._activities.get_all_handlers()}


async def test_kopf_writes_nothing_of_its_own(activities: dict[str, Any]):
    settings = kopf.OperatorSettings()
    await activities["startup"].fn(settings=settings)
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True
    assert isinstance(settings.persistence.progress_storage, ForgetfulProgress)
    assert isinstance(settings.persistence.diffbase_storage, ForgetfulDiffBase)


async def test_a_watch_that_hangs_is_ended(activities: dict[str, Any]):
    settings = kopf.OperatorSettings()
    await activities["startup"].fn(settings=settings)
    watching = settings.watching
    assert watching.connect_timeout == 5
    assert str(watching.server_timeout).isdecimal()
    assert watching.server_timeout < watching.client_timeout < 600


async def test_kopf_takes_the_credentials_that_we_have(activities: dict[str, Any]):
    login = next(handler for name, handler in activities.items() if "auth" in name)
    info = await login.fn()
    assert (info.server, info.token, info.ca_path) == ("https://api:6443", "secret", "/ca")
