"""Leadership on a virtual clock: taking, keeping, losing, giving up."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from unit.engine.support import Engine, FakeApi, claim, now
from wavegate.engine.client import WRITE_TIMEOUT
from wavegate.engine.lease import DURATION, RENEW_DEADLINE, Leadership, LeadershipLost
from wavegate.engine.outcomes import Done, NotLeading
from wavegate.kube.errors import ApiError, Forbidden, ServerError, TooManyRequests, Uncertain

pytestmark = pytest.mark.looptime

PATH = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/wavegate"


def clock() -> float:
    return asyncio.get_running_loop().time()


class Suspendable:
    """A clock that goes on while the process does not, as CLOCK_BOOTTIME does."""

    def __init__(self) -> None:
        self.slept = 0.0

    def __call__(self) -> float:
        return clock() + self.slept


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(latency=0.01)


def leadership(
    api: FakeApi, identity: str = "one", boottime: Suspendable | None = None
) -> Leadership:
    return Leadership(
        api, namespace="ops", name="wavegate", identity=identity, clock=boottime or clock, now=now
    )


async def leading(api: FakeApi, identity: str = "one") -> tuple[Leadership, asyncio.Task[None]]:
    claim = leadership(api, identity)
    task = asyncio.create_task(claim.run())
    await asyncio.wait_for(claim.acquired.wait(), 1)
    return claim, task


async def crash(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_write_that_began_while_the_lease_was_held_ends_before_it_does():
    assert RENEW_DEADLINE + WRITE_TIMEOUT <= DURATION


async def test_the_first_makes_the_lease(api: FakeApi):
    claim, task = await leading(api)
    assert claim.held()
    spec = api.objects[PATH]["spec"]
    assert spec["holderIdentity"] == "one"
    assert spec["leaseDurationSeconds"] == 15
    assert spec["leaseTransitions"] == 0
    await crash(task)


async def test_it_is_renewed_every_two_seconds_and_nothing_else_is_written(api: FakeApi):
    claim, task = await leading(api)
    before = len(api.requests)
    await asyncio.sleep(60.5)
    assert claim.held()
    renewals = api.requests[before:]
    assert 28 <= len(renewals) <= 30
    assert {request.method for request in renewals} == {"PUT"}
    await crash(task)


async def test_a_standby_takes_over_no_sooner_than_the_lease_ends(api: FakeApi):
    _, task = await leading(api)
    standby = leadership(api, "two")
    waiting = asyncio.create_task(standby.run())
    await asyncio.sleep(30.1)
    assert not standby.acquired.is_set()
    await crash(task)
    crashed = clock()
    await asyncio.wait_for(standby.acquired.wait(), 60)
    assert DURATION - 2.1 <= clock() - crashed <= DURATION + 0.5
    assert api.objects[PATH]["spec"]["leaseTransitions"] == 1
    await crash(waiting)


async def test_a_standby_takes_over_at_once_when_the_lease_is_given_up(api: FakeApi):
    first, task = await leading(api)
    standby = leadership(api, "two")
    waiting = asyncio.create_task(standby.run())
    await asyncio.sleep(30)
    await crash(task)
    await first.release()
    assert not first.held()
    await asyncio.wait_for(standby.acquired.wait(), 1)
    await crash(waiting)


async def test_a_process_that_starts_again_takes_a_lease_that_was_given_up_at_once(api: FakeApi):
    first, task = await leading(api)
    await crash(task)
    await first.release()
    _, again = await leading(api, "one-anew")
    await crash(again)


async def test_a_standby_asks_now_and_then_where_it_cannot_watch(api: FakeApi):
    first, task = await leading(api)
    standby = leadership(api, "two")
    api.fail("WATCH", "/leases", Forbidden(403), times=1000)
    waiting = asyncio.create_task(standby.run())
    await asyncio.sleep(30)
    assert not standby.acquired.is_set()
    await crash(task)
    await first.release()
    await asyncio.wait_for(standby.acquired.wait(), 3)
    await crash(waiting)


async def test_of_two_that_start_together_one_leads(api: FakeApi):
    claims = [leadership(api, name) for name in ("one", "two")]
    tasks = [asyncio.create_task(claim.run()) for claim in claims]
    await asyncio.sleep(60)
    assert [claim.held() for claim in claims].count(True) == 1
    for task in tasks:
        await crash(task)


async def test_an_outage_shorter_than_the_deadline_is_survived(api: FakeApi):
    claim, task = await leading(api)
    api.fail("PUT", "/leases", ServerError(503), times=3)
    await asyncio.sleep(30)
    assert claim.held()
    await crash(task)


async def test_who_cannot_renew_stops_before_another_may_take_over(api: FakeApi):
    claim, task = await leading(api)
    api.fail("PUT", "/leases", Uncertain("no answer"), times=1000)
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(task, 60)
    assert clock() < DURATION
    assert not claim.held()


async def test_requests_that_hang_do_not_hide_the_end_of_the_lease(api: FakeApi):
    claim, task = await leading(api)
    api.latency = 3600
    await asyncio.sleep(RENEW_DEADLINE + 0.1)
    assert not claim.held()
    await asyncio.gather(task, return_exceptions=True)
    assert clock() < DURATION + 1


def gaps(api: FakeApi, *methods: str) -> list[float]:
    """Seconds between two requests for the Lease and the next."""
    times = [each.at for each in api.requests if each.method in methods and "/leases" in each.path]
    return [after - before for before, after in itertools.pairwise(times)]


@pytest.mark.parametrize(
    ("error", "least"),
    [(ServerError(503), 2.0), (TooManyRequests(429, retry_after=3.0), 3.0)],
    ids=["no word of when", "later"],
)
async def test_a_claim_that_was_refused_is_made_again_no_sooner_than_it_may(
    api: FakeApi, error: ApiError, least: float
):
    first, task = await leading(api)
    await crash(task)
    await first.release()
    before = len(api.requests)
    api.fail("PUT", "/leases", error, times=4)
    _, again = await asyncio.wait_for(led(api, "two"), 60)
    api.requests = api.requests[before:]
    assert min(gaps(api, "PUT")) >= least
    assert len(api.requests) == 10, "each time it looks and then claims"
    await crash(again)


async def led(api: FakeApi, identity: str) -> tuple[Leadership, asyncio.Task[None]]:
    claimed = leadership(api, identity)
    task = asyncio.create_task(claimed.run())
    await claimed.acquired.wait()
    return claimed, task


async def test_a_renewal_that_was_refused_waits_as_long_as_it_was_told_to(api: FakeApi):
    claim, task = await leading(api)
    api.fail("PUT", "/leases", TooManyRequests(429, retry_after=4.0))
    await asyncio.sleep(20)
    assert claim.held()
    assert max(gaps(api, "PUT")) >= 4.0
    await crash(task)


async def test_renewals_are_tried_again_often_enough_to_outlast_many_that_are_refused(
    api: FakeApi,
):
    claim, task = await leading(api)
    api.fail("PUT", "/leases", TooManyRequests(429, retry_after=1.0), times=7)
    await asyncio.sleep(20)
    assert claim.held()
    assert min(gaps(api, "PUT")) >= 1.0
    await crash(task)


async def test_who_is_told_to_wait_longer_than_the_deadline_stops(api: FakeApi):
    _, task = await leading(api)
    api.fail("PUT", "/leases", TooManyRequests(429, retry_after=60.0), times=1000)
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(task, DURATION)


async def test_another_holder_ends_leadership_at_once(api: FakeApi):
    claim, task = await leading(api)
    lease = api.objects[PATH]
    api.put(PATH, {**lease, "spec": {**lease["spec"], "holderIdentity": "two"}})
    with pytest.raises(LeadershipLost, match="two"):
        await asyncio.wait_for(task, 3)
    assert not claim.held()


async def test_a_renewal_whose_answer_was_lost_is_our_own(api: FakeApi):
    claim, task = await leading(api)
    api.fail("PUT", "/leases", Uncertain("reset"), applied=True)
    await asyncio.sleep(30)
    assert claim.held()
    await crash(task)


async def test_a_machine_that_slept_does_not_lead_when_it_wakes(api: FakeApi):
    boottime = Suspendable()
    claim = leadership(api, boottime=boottime)
    task = asyncio.create_task(claim.run())
    await asyncio.wait_for(claim.acquired.wait(), 1)
    boottime.slept = 600
    assert not claim.held()
    await crash(task)


async def test_a_lease_lost_in_a_wave_stops_writes_at_once(api: FakeApi):
    claimed, task = await leading(api)
    engine = Engine(api, leading=claimed.held)
    job = engine.make_job()
    assert await engine.executor.execute(job, claim("a")) == Done()
    lease = api.objects[PATH]
    api.put(PATH, {**lease, "spec": {**lease["spec"], "holderIdentity": "two"}})
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(task, 3)
    assert await engine.executor.execute(job, claim("b")) == NotLeading()
    assert len(api.writes("/executions")) == 1


async def test_who_never_led_gives_nothing_up(api: FakeApi):
    await leadership(api).release()
    assert not api.requests
