"""Kopf as the frame of the process: credentials, settings, and the two watches where work begins.

Kopf writes nothing: no progress, no last-seen state, no finalizer, no event, no peering. It also
does not decide anything; its handlers are in `jobs` and `deployments`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import kopf

from wavegate.handlers.storages import ForgetfulDiffBase, ForgetfulProgress
from wavegate.kube.access import Access

CONNECT_TIMEOUT: Final = 5.0
SERVER_TIMEOUT: Final = 300
"""Seconds after which the API server ends a watch, as asked, and kopf begins another.

Whole, and an int: kopf sends it as it is, and the server refuses ``300.0``.
"""

CLIENT_TIMEOUT: Final = 330.0
EXIT_TIMEOUT: Final = 1.0


def frame(access: Access) -> kopf.OperatorRegistry:
    """A registry of our own with login and settings; the handlers are added to it."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**asdict(await access.connection()))

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.persistence.progress_storage = ForgetfulProgress()
        settings.persistence.diffbase_storage = ForgetfulDiffBase()
        settings.watching.connect_timeout = CONNECT_TIMEOUT
        settings.watching.server_timeout = SERVER_TIMEOUT
        settings.watching.client_timeout = CLIENT_TIMEOUT
        settings.queueing.exit_timeout = EXIT_TIMEOUT

    return registry


async def run_kopf(
    registry: kopf.OperatorRegistry,
    namespaces: Sequence[str],
    *,
    ready: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Run kopf's part until ``stop`` is set. Raises what ended it otherwise.

    Kopf takes SIGTERM and SIGINT for itself when it starts, and ends by them; who wants them back
    may take them once ``ready`` is set.
    """
    await kopf.operator(
        registry=registry,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        ready_flag=ready,
        stop_flag=stop,
    )
