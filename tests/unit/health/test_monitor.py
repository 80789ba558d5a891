"""The windows of probes on a virtual clock. Seconds count from the start of each test."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from wavegate.domain.actions import CounterSource, Probe, Source
from wavegate.domain.health import Criteria, Reading, Unreadable, Window
from wavegate.domain.observed import PodView
from wavegate.health.monitor import Monitor
from wavegate.health.scrape import TIMEOUT

pytestmark = pytest.mark.looptime

EPOCH = 1_700_000_000.0
EDGE = ("web", "edge")
SOURCE = CounterSource(80, "/metrics", "Prometheus", ("errs",), ("reqs",))
CRITERIA = Criteria(
    interval=10.0,
    max_error_rate=0.1,
    success_threshold=2,
    failure_threshold=3,
    min_healthy_time=None,
    reads_counters=True,
)
POD = PodView("web", "p", "u1", "1", "edge", "n", "Execution", "e", "eu", EPOCH, ip="10.0.0.1")
READY = replace(POD, ready=True, ready_changed=EPOCH - 100)
GARBLED = Unreadable("http://10.0.0.1/metrics", "is nan")


def clock() -> float:
    return asyncio.get_running_loop().time()


def probe(name: str = "p", uid: str = "u1", **changes) -> Probe:
    criteria = replace(CRITERIA, **changes)
    return Probe("web", name, uid, criteria, SOURCE if criteria.reads_counters else None)


@dataclass
class Fleet:
    """Pods, and what their counters read, in turn; the last of these stays."""

    pods: dict[str, PodView] = field(default_factory=dict)
    readings: list[Reading | Unreadable | Exception] = field(default_factory=list)
    slow: float = 0.0
    asked: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    woken: list[tuple[float, tuple[str, str]]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """Verdicts of windows."""

    async def read(self, pod: PodView, source: Source) -> Reading | Unreadable:
        assert (pod.ip, source) == ("10.0.0.1", SOURCE)
        self.asked.append(clock())
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(self.slow)
        finally:
            self.at_once -= 1
        reading = self.readings[0] if len(self.readings) == 1 else self.readings.pop(0)
        if isinstance(reading, Exception):
            raise reading
        return reading

    def pod(self, namespace: str, name: str) -> PodView | None:
        assert namespace == "web"
        return self.pods.get(name)

    def wake(self, key: tuple[str, str]) -> None:
        self.woken.append((clock(), key))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet({"p": READY}, [Reading(0, 0)])


@pytest.fixture
async def monitor(fleet: Fleet) -> AsyncIterator[Monitor]:
    made = Monitor(fleet.pod, fleet.wake, lambda: EPOCH + clock(), fleet.read, fleet.closed.append)
    yield made
    await made.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(moment: float) -> None:
    """Let the virtual clock reach ``moment`` and everything due by then happen."""
    await asyncio.sleep(moment - clock() + 0.001)


async def test_the_first_window_begins_when_the_pod_is_first_ready(fleet, monitor):
    fleet.pods["p"] = POD
    monitor.keep(EDGE, [probe()])
    await until(500)
    assert fleet.asked == []
    assert monitor.records(EDGE) == {}
    fleet.pods["p"] = READY
    monitor.keep(EDGE, [probe()])
    await until(500.5)
    (record,) = monitor.records(EDGE).values()
    assert record.pod_uid == "u1"
    assert record.first_window == pytest.approx(EPOCH + 500, abs=0.01)
    assert record.last is None
    assert fleet.woken == []


async def test_a_pod_that_is_never_ready_has_no_window(fleet, monitor):
    fleet.pods["p"] = POD
    for moment in range(0, 3600, 600):
        monitor.keep(EDGE, [probe()])
        await until(moment)
    assert monitor.records(EDGE) == {}
    assert fleet.woken == []


async def test_a_pod_that_is_not_known_has_no_window(fleet, monitor):
    fleet.pods.clear()
    monitor.keep(EDGE, [probe()])
    await until(60)
    assert monitor.records(EDGE) == {}


async def test_good_windows_in_a_row_are_healthy_and_each_wakes_the_job(fleet, monitor):
    fleet.readings = [Reading(0, 0), Reading(5, 100), Reading(10, 200)]
    monitor.keep(EDGE, [probe()])
    await until(10)
    first = monitor.records(EDGE)["u1"]
    assert (first.good, first.healthy) == (1, False)
    assert (first.last.errors, first.last.total) == (5, 100)
    await until(20)
    second = monitor.records(EDGE)["u1"]
    assert (second.good, second.healthy) == (2, True)
    assert fleet.woken == [(pytest.approx(10, abs=0.01), EDGE), (pytest.approx(20, abs=0.01), EDGE)]


async def test_bad_windows_in_a_row_are_unhealthy(fleet, monitor):
    fleet.readings = [Reading(20.0 * n, 100.0 * n) for n in range(5)]
    monitor.keep(EDGE, [probe()])
    await until(20)
    assert not monitor.records(EDGE)["u1"].unhealthy
    await until(30)
    record = monitor.records(EDGE)["u1"]
    assert record.unhealthy
    assert record.last.verdict is Window.BAD
    assert record.last.rate == pytest.approx(0.2)


async def test_unreadable_windows_are_neither_good_nor_bad(fleet, monitor):
    fleet.readings = [
        Reading(0, 0),
        Reading(0, 10),
        GARBLED,
        GARBLED,
        Reading(0, 20),
        Reading(0, 30),
    ]
    monitor.keep(EDGE, [probe()])
    await until(10)
    assert monitor.records(EDGE)["u1"].good == 1
    for moment in (20, 30, 40):
        await until(moment)
        record = monitor.records(EDGE)["u1"]
        assert record.last.verdict is Window.UNREADABLE
        assert (record.good, record.bad) == (1, 0)
    assert "is nan" in record.last.why
    await until(50)
    assert monitor.records(EDGE)["u1"].healthy


async def test_without_counters_readiness_alone_counts_and_nothing_is_asked(fleet, monitor):
    monitor.keep(EDGE, [probe(reads_counters=False)])
    await until(20)
    assert monitor.records(EDGE)["u1"].healthy
    assert fleet.asked == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"restarts": 1}, id="it restarted"),
        pytest.param({"ready": False}, id="it is not ready"),
        pytest.param({"ready_changed": EPOCH + 5}, id="it was not ready for a while"),
    ],
)
async def test_a_window_in_which_the_pod_failed_is_bad(fleet, monitor, change):
    monitor.keep(EDGE, [probe()])
    await until(5)
    fleet.pods["p"] = replace(READY, **change)
    await until(10)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.BAD


async def test_what_happens_during_a_reading_belongs_to_the_next_window(fleet, monitor):
    fleet.slow = 2.0
    monitor.keep(EDGE, [probe()])
    await until(11)
    fleet.pods["p"] = replace(READY, restarts=1)
    await until(12)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.GOOD
    await until(22)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.BAD
    await until(32)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.GOOD


async def test_a_source_that_has_to_settle_is_first_read_after_that(fleet, monitor):
    monitor.keep(EDGE, [probe(settling=11.0)])
    await until(10.9)
    assert fleet.asked == []
    assert monitor.records(EDGE) == {}
    await until(11)
    (record,) = monitor.records(EDGE).values()
    assert record.first_window == pytest.approx(EPOCH + 11, abs=0.01)
    await until(31)
    assert monitor.records(EDGE)["u1"].healthy
    assert fleet.asked == [pytest.approx(moment, abs=0.01) for moment in (11, 21, 31)]


async def test_what_happens_while_a_source_settles_belongs_to_the_first_window(fleet, monitor):
    monitor.keep(EDGE, [probe(settling=11.0)])
    await until(5)
    fleet.pods["p"] = replace(READY, restarts=1)
    await until(21)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.BAD
    await until(31)
    assert monitor.records(EDGE)["u1"].last.verdict is Window.GOOD


async def test_slow_readings_do_not_stretch_windows(fleet, monitor):
    fleet.slow = 2.0
    monitor.keep(EDGE, [probe()])
    await until(41)
    assert fleet.asked == [pytest.approx(moment, abs=0.01) for moment in (0, 10, 20, 30, 40)]


async def test_no_window_is_shorter_than_its_interval_however_slow_the_readings(fleet, monitor):
    fleet.slow = 2.0
    monitor.keep(EDGE, [probe(interval=1.0)])
    await until(9)
    assert fleet.asked == [pytest.approx(moment, abs=0.01) for moment in (0, 2, 4, 6, 8)]


async def test_passes_in_between_disturb_no_window(fleet, monitor):
    for moment in range(1, 25):
        monitor.keep(EDGE, [probe()])
        await until(moment)
    assert monitor.records(EDGE)["u1"].good == 2
    assert len(fleet.asked) == 3


async def test_a_probe_that_is_no_longer_wanted_stops_in_mid_window(fleet, monitor):
    monitor.keep(EDGE, [probe()])
    await until(15)
    monitor.keep(EDGE, [])
    assert monitor.records(EDGE) == {}
    await until(100)
    assert len(fleet.asked) == 2
    assert len(fleet.woken) == 1


async def test_a_probe_that_is_no_longer_wanted_stops_in_mid_reading(fleet, monitor):
    fleet.slow = 2.0
    monitor.keep(EDGE, [probe()])
    await until(11)
    monitor.keep(EDGE, [])
    await until(13)
    assert fleet.woken == []
    assert fleet.at_once == 0


async def test_a_probe_with_other_criteria_begins_anew(fleet, monitor):
    monitor.keep(EDGE, [probe()])
    await until(15)
    monitor.keep(EDGE, [probe(interval=5.0)])
    await until(15.5)
    record = monitor.records(EDGE)["u1"]
    assert record.first_window == pytest.approx(EPOCH + 15, abs=0.01)
    assert record.good == 0
    await until(25.5)
    assert monitor.records(EDGE)["u1"].good == 2
    # The pass was a moment after 15 s, so its windows end at the tick after that.
    assert [moment for moment, _ in fleet.woken] == pytest.approx([10, 20.01, 25.01], abs=0.001)


async def test_jobs_do_not_share_probes(fleet, monitor):
    other = ("web", "other")
    fleet.pods["q"] = replace(READY, name="q", uid="u2")
    monitor.keep(EDGE, [probe()])
    monitor.keep(other, [probe("q", "u2")])
    monitor.keep(EDGE, [])
    await until(10)
    assert list(monitor.records(other)) == ["u2"]
    assert fleet.woken == [(pytest.approx(10, abs=0.01), other)]


async def test_a_namesake_that_came_after_the_pod_is_not_it(fleet, monitor):
    monitor.keep(EDGE, [probe()])
    await until(5)
    fleet.pods["p"] = replace(READY, uid="u2")
    await until(60)
    assert monitor.records(EDGE)["u1"].last is None
    assert fleet.woken == []


async def test_a_probe_that_breaks_takes_no_other_with_it_and_begins_anew(fleet, monitor, caplog):
    fleet.pods["q"] = replace(READY, name="q", uid="u2")
    fleet.readings = [RuntimeError("a defect"), Reading(0, 0)]
    both = [probe(), probe("q", "u2")]
    monitor.keep(EDGE, both)
    await until(10)
    assert [record.pod_uid for record in monitor.records(EDGE).values()] == ["u2"]
    (said,) = caplog.records
    assert (said.fields, said.message) == ({"job": "web/edge", "pod": "p"}, "the probe broke")
    monitor.keep(EDGE, both)
    await until(20.5)
    assert monitor.records(EDGE)["u1"].good == 1
    assert monitor.records(EDGE)["u2"].good == 2


async def test_each_window_is_counted_once_by_its_verdict(fleet, monitor):
    fleet.readings = [Reading(0, 0), Reading(0, 100), Reading(90, 200), GARBLED]
    monitor.keep(EDGE, [probe()])
    await until(30.5)
    assert fleet.closed == ["good", "bad", "unreadable"]


async def test_one_pod_named_twice_is_one_probe(fleet, monitor):
    monitor.keep(EDGE, [probe(), probe()])
    await until(10)
    assert len(fleet.woken) == 1


async def test_of_many_pods_that_are_ready_at_once_none_is_late_though_some_hang():
    pods = {
        str(n): replace(READY, name=str(n), uid=str(n), ready_changed=EPOCH) for n in range(5000)
    }
    hanging = {str(n) for n in range(0, 5000, 20)}
    ends: dict[str, list[float]] = defaultdict(list)

    async def read(pod: PodView, _: Source) -> Reading:
        ends[pod.name].append(clock())
        # All answer once, and from then on a twentieth does not.
        hangs = pod.name in hanging and len(ends[pod.name]) > 1
        await asyncio.sleep(TIMEOUT if hangs else 0.002)
        return Reading(0, 0)

    monitor = Monitor(
        lambda _, name: pods[name], lambda _: None, lambda: EPOCH + clock(), read, lambda _: None
    )
    monitor.keep(EDGE, [probe(name, name) for name in pods])
    await until(39.999)
    await monitor.close()
    assert len(ends) == 5000
    for name, moments in ends.items():
        assert moments[0] <= CRITERIA.interval / 2
        if name not in hanging:
            assert moments == pytest.approx([moments[0] + 10 * n for n in range(4)], abs=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"reads_counters": False}, id="nothing is read"),
        pytest.param({"interval": 5.0}, id="the only one of its interval"),
    ],
)
async def test_whoever_is_in_nobodys_way_begins_at_once(fleet, monitor, changes):
    names = [str(number) for number in range(500)]
    fleet.pods = {name: replace(READY, name=name, uid=name) for name in names}
    fleet.pods["p"] = READY
    monitor.keep(("web", "other"), [probe(name, name) for name in names])
    monitor.keep(EDGE, [probe(**changes)])
    await until(0)
    assert monitor.records(EDGE)["u1"].first_window == pytest.approx(EPOCH, abs=0.001)


async def test_closing_leaves_no_task(fleet):
    monitor = Monitor(fleet.pod, fleet.wake, clock, fleet.read, fleet.closed.append)
    fleet.slow = 2.0
    monitor.keep(EDGE, [probe()])
    monitor.keep(("web", "waiting"), [probe("absent", "u9")])
    monitor.keep(("web", "stopped"), [probe()])
    await until(3)
    assert monitor.records(EDGE) != {}
    monitor.keep(("web", "stopped"), [])
    await monitor.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert monitor.records(EDGE) == {}
