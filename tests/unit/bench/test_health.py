"""The measurement of windows, on a small fleet."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bench import machine
from bench.health.__main__ import row
from bench.health.bare import CONTENDERS
from bench.health.endpoints import Connection, Pods, address, hangs, number
from bench.health.sampling import Figures, Load, measure

HANGING_EVERY = 20


@pytest.fixture
async def server_of_pods() -> AsyncIterator[tuple[Pods, int]]:
    pods = Pods()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(pods), "0.0.0.0", 0)
    yield pods, server.sockets[0].getsockname()[1]
    server.close()


def load_of(pods: Pods, port: int) -> Load:
    return Load(40, 0.5, port, HANGING_EVERY, lambda: setattr(pods, "every", HANGING_EVERY))


async def test_all_pods_are_read_and_those_that_hang_are_not_among_the_figures(server_of_pods):
    pods, port = server_of_pods
    found = await measure(load_of(pods, port), 1.2, at_once=False)
    first, later, hang = found["first windows"], found["later"], found["some hang"]
    assert pods.every == HANGING_EVERY
    # Of 40 pods two are of those that may hang.
    assert first.ends == len(first.late) == 38
    assert later.ends >= 38
    assert hang.ends >= 38
    assert first.unread == later.unread == hang.unread == 0
    assert later.cpu_seconds > 0
    assert min(later.late) > -0.01


async def test_readings_that_fail_are_counted(server_of_pods):
    pods, _ = server_of_pods
    found = await measure(load_of(pods, 1), 0.1, at_once=False)
    assert found["first windows"].unread == found["first windows"].ends == 38


@pytest.mark.parametrize("pod", [0, 255, 256, 4999])
def test_each_pod_has_an_address_of_its_own(pod: int):
    assert number(address(pod)) == pod


def test_one_pod_in_so_many_hangs():
    assert [pod for pod in range(50) if hangs(pod, 20)] == [0, 20, 40]
    assert not any(hangs(pod, 0) for pod in range(50))


def test_a_row_says_what_a_stretch_cost_and_how_late_windows_were():
    found = Figures(seconds=10.0, cpu_seconds=1.5, ends=100, missed=2, unread=1)
    found.late = [0.001 * n for n in range(1, 101)]
    found.lag = [0.004, 0.002]
    assert row(5, "later", found) == "| 5 | later | 15.0% | 100 | 2 | 1 | 50 | 99 | 100 | 4 |"


@pytest.mark.parametrize("name", CONTENDERS)
async def test_who_only_gets_the_pages_gets_each_pod_s_once_an_interval(name: str):
    asked, made = Counter[int](), Counter[int]()

    class Counting(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.pod = number(transport.get_extra_info("sockname")[0])
            made[self.pod] += 1

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            asked[self.pod] += data.count(b"GET /metrics HTTP/1.1\r\n")

    kept = name == "aiohttp, connections kept"
    server = await asyncio.get_running_loop().create_server(lambda: Counting(Pods()), "0.0.0.0", 0)
    load = Load(20, 0.2, server.sockets[0].getsockname()[1], 0, lambda: None)
    # Of those that are kept once to make the connection, and then once; of the others twice.
    assert await CONTENDERS[name](load, 0.2 if kept else 0.4) > 0
    assert asked == dict.fromkeys(range(20), 2)
    assert made == dict.fromkeys(range(20), 1 if kept else 2)
    server.close()


async def test_the_server_ends_with_whoever_began_it():
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.health.endpoints", "0"),
        cwd=machine.ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert int(await server.stdout.readline()) > 0
    server.stdin.close()  # as the kernel does for one that was killed
    assert await asyncio.wait_for(server.wait(), 60) == 0
