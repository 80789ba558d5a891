"""What a step takes, from when it is chosen until its outcome is known."""

from __future__ import annotations

import asyncio

import pytest

from unit.engine.support import Engine, FakeApi, claim, now
from wavegate.domain.actions import Action, CordonNode
from wavegate.domain.observed import Cordon, JobView, PlanSettings
from wavegate.engine.outcomes import Done, Failed, NotLeading, Outcome, Refused
from wavegate.kube.errors import Forbidden, Invalid, ServerError, Uncertain

pytestmark = pytest.mark.looptime


def taken(engine: Engine, job: JobView) -> int:
    """Executions that a pass would see."""
    observed = engine.cache.snapshot(
        job.key,
        now=now(),
        eval_id="e2",
        operator_started=0.0,
        still_there={},
        health={},
        prepared={},
        refusals={},
        settings=PlanSettings(),
    )
    assert observed is not None
    return len(observed.executions)


async def carried_out(engine: Engine, job: JobView, action: Action) -> Outcome:
    """As the writer carries out a step."""
    with engine.executor.taking(job, (action,)):
        return await engine.executor.execute(job, action)


async def test_a_node_counts_as_taken_before_anything_of_its_step_is_carried_out(
    engine: Engine, job: JobView
):
    cordon = CordonNode("a", "uid-of-a", Cordon("web", "edge", job.uid, "edge-a-1"))
    with engine.executor.taking(job, (cordon, claim("a"))):
        assert taken(engine, job) == 1
    assert taken(engine, job) == 0


@pytest.mark.parametrize("error", [Uncertain("reset"), ServerError(500)])
async def test_a_node_counts_as_taken_until_an_uncertain_claim_is_known(
    api: FakeApi, engine: Engine, job: JobView, error: Exception
):
    api.fail("POST", "executions", error, applied=True)
    api.fail("GET", "executions", ServerError(503), times=4)
    task = asyncio.create_task(carried_out(engine, job, claim("a")))
    await asyncio.sleep(3)
    assert not task.done()
    assert taken(engine, job) == 1
    assert engine.cache.execution_uid("web", "edge-a-1") is None
    assert await task == Done()
    assert engine.cache.execution_uid("web", "edge-a-1") is not None


async def test_an_uncertain_claim_that_was_not_made_frees_its_node(
    api: FakeApi, engine: Engine, job: JobView
):
    api.fail("POST", "executions", Uncertain("reset"))
    assert isinstance(await carried_out(engine, job, claim("a")), Failed)
    assert taken(engine, job) == 0


async def test_nothing_is_written_by_who_does_not_lead(api: FakeApi):
    engine = Engine(api, leading=lambda: False)
    job = engine.make_job()
    assert await carried_out(engine, job, claim("a")) == NotLeading()
    assert not api.requests
    assert taken(engine, job) == 0


@pytest.mark.parametrize(
    "error", [Invalid(422, "Invalid", "no"), Forbidden(403, "Forbidden", "no")]
)
async def test_a_refusal_for_good_keeps_the_servers_words(
    api: FakeApi, engine: Engine, job: JobView, error: Exception
):
    api.fail("POST", "executions", error)
    outcome = await carried_out(engine, job, claim("a"))
    assert outcome == Refused(error.reason, "no")
    assert taken(engine, job) == 0
