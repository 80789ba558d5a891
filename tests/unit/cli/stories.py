"""Stories that the whole operator plays in the simulation, each to where it waits or has ended."""

from __future__ import annotations

from sim.world import spec
from support.told import Stage
from wavegate.kube.errors import error_of
from wavegate.simulation.fates import (
    CRASHES,
    ERRS,
    FINE,
    HANGS,
    NEVER_READY,
    UNREADABLE,
    Fate,
)
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

FIRST = "n00"


def give(stage: Stage, image: str, fate: Fate, *nodes: str) -> None:
    def choose(node: str, running: str) -> Fate:
        return fate if running == image and (not nodes or node in nodes) else FINE

    stage.cluster.fleet.fate = choose


async def awaits_promotion(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")


async def paused(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2"))
    await stage.until("it began", lambda: stage.deployment("app-v2").get("currentWave"))
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
    await stage.says("Paused")


async def paused_by_the_job(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", paused=True))
    await stage.says("Paused")


async def suspended(stage: Stage) -> None:
    await stage.install()
    stage.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
    await stage.says("Suspended")


async def stopped(stage: Stage) -> None:
    await stage.install()
    stage.cluster.deploy("halt", {"jobName": "app", "type": "Stop"})
    await stage.says("Stopped")


async def judges_bad_windows(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", ERRS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "a bad window", lambda: "bad window 1" in stage.deployment("app-v2").get("message", "")
    )
    await stage.until(
        "the job says so", lambda: "bad window" in str(stage.job()["status"]["state"])
    )


async def never_ready(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", NEVER_READY)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "the old pod is gone", lambda: "begun at" in str(stage.job()["status"]["state"])
    )


async def old_pod_hangs(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:1", HANGS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "it waits for the old pod", lambda: "the pod before" in str(stage.job()["status"]["state"])
    )


async def canary_failed(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", ERRS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("RolledBack")


async def canary_failed_for_good(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES)
    stage.cluster.apply("app", spec("app:2", noAutoRollback=True))
    await stage.says("CanaryFailed")


async def above_the_budget(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES)
    stage.cluster.apply(
        "app",
        spec(
            "app:2",
            strategy="Rolling",
            noAutoRollback=True,
            maxFailedNodes=1,
            maxFailedNodesPercent=100,
        ),
    )
    await stage.says("BudgetExceeded")


async def degraded(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES, FIRST)
    stage.cluster.apply(
        "app", spec("app:2", strategy="Rolling", maxFailedNodes=1, maxFailedNodesPercent=100)
    )
    await stage.says("Degraded")


async def canceled(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
    await stage.says("Canceled")


async def no_node(stage: Stage) -> None:
    for node in ("n00", "n01", "n02"):
        stage.cluster.fleet.cordon(node)
    stage.cluster.fleet.set_ready("n03", False)
    stage.cluster.apply("app", spec("app:1"))
    await stage.says("NoMatchingNodes")


async def queued(stage: Stage) -> None:
    stage.cluster.apply(
        "app",
        {
            **spec("app:1"),
            "selector": {"matchLabels": {"pool": "moon"}},
            "timeouts": {"queue": "1h"},
        },
    )
    await stage.says("Queued")


async def no_canary(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", canarySelector={"matchLabels": {"tier": "test"}}))
    await stage.says("NoCanary")


async def unreadable(stage: Stage) -> None:
    stage.cluster.fleet.fate = lambda _node, _image: UNREADABLE
    stage.cluster.apply("app", spec("app:1"))
    await stage.until(
        "held", lambda: stage.deployment("app-v1").get("reason") == "MetricsUnreadable"
    )
    await stage.says("MetricsUnreadable")


async def source_missing(stage: Stage) -> None:
    health = {
        "interval": "5s",
        "deadline": "1m",
        "errorRate": {
            "prometheus": {
                "source": "fleet",
                "errorQuery": "sum by (node) (last_over_time(errors[$window]))",
                "totalQuery": "sum by (node) (last_over_time(total[$window]))",
            }
        },
    }
    stage.cluster.apply("app", spec("app:1", healthCheck=health))
    await stage.says("SourceNotConfigured")


async def node_away(stage: Stage) -> None:
    """The last node of a rollout goes NotReady before its turn."""
    await stage.install()
    stage.cluster.apply("app", spec("app:2", maxParallel=1))
    await stage.until("wave 2", lambda: stage.deployment("app-v2").get("currentWave") == 2)
    done = {
        each["spec"]["nodeName"]
        for each in stage.cluster.list("Execution")
        if each["spec"]["deploymentName"] == "app-v2"
    }
    last = next(name for name in ("n00", "n01", "n02", "n03") if name not in done)
    stage.cluster.fleet.set_ready(last, False)
    await stage.until("it waits", lambda: "NotReady since" in str(stage.job()["status"]["state"]))


async def version_gone(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", strategy="Rolling", maxParallel="100%"))
    await stage.ended("app-v2")
    give(stage, "app:1", NEVER_READY)
    stage.cluster.deploy("back", {"jobName": "app", "type": "Rollback", "toVersion": 1})
    await stage.until("it goes back", lambda: stage.deployment("back").get("startedAt"))
    stage.cluster.delete("JobVersion", "app-v1")
    await stage.says("VersionMissing")
    await stage.until("what was to stop has stopped", lambda: not stage.stopping())


async def failed_before(stage: Stage) -> None:
    await canary_failed(stage)
    stage.cluster.apply("app", spec("app:1", strategy="Rolling", maxParallel="100%"))
    await stage.ended("app-v3")
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("FailedWorkload")


class Policy(Untroubled):
    """An admission that refuses pods, also in a dry run."""

    async def sending(self, request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/pods"):
            raise error_of(403, {"reason": "Forbidden", "message": "hostPath is not allowed"})


async def template_refused(stage: Stage) -> None:
    await stage.install()
    stage.cluster.living[0].transport.trouble = Policy()
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("TemplateRefused")


async def a_strangers_pod(stage: Stage) -> None:
    await stage.install()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "mine",
            "namespace": "default",
            "labels": {"wavegate.dev/job": "app"},
        },
        "spec": {"nodeName": FIRST, "containers": [{"name": "main", "image": "x"}]},
    }
    user = Administrator("user")
    stage.cluster.server.request(user, "POST", "/api/v1/namespaces/default/pods", body=pod)
    await stage.says("Stranger")


async def waits_for_its_job(stage: Stage) -> None:
    await stage.install()
    stage.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
    await stage.says("Suspended")
    stage.cluster.deploy("again", {"jobName": "app", "type": "Restart"})
    await stage.until("it waits", lambda: stage.deployment("again").get("state") == "Pending")


async def not_understood(stage: Stage) -> None:
    await stage.install()
    health = {"deadline": "1m", "minHealthyTime": "1m", "successThreshold": 2}
    stage.cluster.apply("app", spec("app:2", healthCheck=health))
    await stage.says("InvalidSpec")


async def first_version_keeps_failing(stage: Stage) -> None:
    give(stage, "app:1", CRASHES)
    stage.cluster.apply("app", spec("app:1"))
    await stage.says("CanaryFailed")


async def lost_node(stage: Stage) -> None:
    await stage.install()
    stage.cluster.fleet.set_ready(FIRST, False)
    await stage.until("it is lost", lambda: stage.job()["status"]["nodes"]["lost"])


async def well(stage: Stage) -> None:
    await stage.install()
