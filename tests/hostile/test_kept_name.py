"""A pod of somebody else's keeps the name of a claim's pod beyond the claim's deadline."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hostile.forgeries import ROWS
from hostile.test_forgeries import _play, _said
from sim.world import spec
from support.told import Stage


def test_a_pod_name_that_a_stranger_keeps_does_not_hang_the_rollout() -> None:
    row = next(each for each in ROWS if each.name == "a pod of the name that we would use")

    async def then(stage: Stage, *_: object) -> None:
        await asyncio.sleep(600)  # the deadline is a minute
        ended = stage.deployment("app-v2").get("state") in ("Completed", "Failed")
        assert ended or _said(stage), stage.job()["status"]["state"]

    second = spec("app:2", strategy="Rolling", maxParallel="100%")
    _play(replace(row, second=second), then)
