"""A load of runs whose ends a webhook is told of, while the process is killed again and again.

The receiver is real and so is the API server. What is asked of it afterwards: each run that has
ended was told of, by a body and an id that are the same each time, and its record says so.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from standardwebhooks import Webhook

import wavelab
from real.calls import phase_of
from real.killing import Killing, OnlyProcess
from real.replicas import LEASES
from support.answering import Endpoint, Received, Reply
from support.asking import Asked
from support.secrets import allow_secrets
from support.space import Document, Space
from wavegate.runs.states import TERMINAL

KEY: Final = "whsec_" + base64.b64encode(b"k" * 32).decode()
_OPTIONS: Final = ("--call-network=127.0.0.0/8", "--read-secrets")


@dataclass
class Told:
    """What became of it. ``again``: calls about what the receiver had taken already."""

    runs: int
    kills: int
    calls: int = 0
    again: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    """By how many attempts are on record, deliveries."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        attempts = ", ".join(
            f"{number} after {many}" for many, number in sorted(self.attempts.items())
        )
        return (
            f"{self.runs} runs and {self.kills} kills in {self.seconds:.0f} s: {self.calls} calls"
            f" of the webhook, {self.again} of them again though it had taken them; deliveries by"
            f" attempts on record: {attempts}; wrong: {len(self.wrong)}"
        )


class HookLoad:
    """A job whose runs end at once, and a receiver that refuses the first call about one in six."""

    def __init__(self, cluster: wavelab.Cluster, name: str, runs: int, seed: int) -> None:
        self.space = Space(cluster.client(), name)
        self.endpoint, self.receiver = Endpoint(), Endpoint()
        self.names = [f"r{number:03}" for number in range(runs)]
        self._chance = random.Random(seed)
        self._refused: set[str] = set()
        self.receiver.answer = self._receive

    def _receive(self, call: Received) -> Reply:
        time.sleep(self._chance.uniform(0.02, 0.4))
        run = json.loads(call.body)["data"]["run"]
        if run in self._refused or self.names.index(run) % 6:
            return Reply(200)
        self._refused.add(run)
        return Reply(503)

    def begin(self) -> None:
        allow_secrets(self.space)
        asked = Asked(self.space, self.endpoint)
        asked.keep("Secret", "keys", {"one": KEY})
        refs = [{"name": "keys", "key": "one"}]
        retry = {"maxAttempts": 50, "strategy": "Fixed", "initialDelay": "100ms"}
        runs: dict[str, Any] = {
            "webhook": {"url": self.receiver.url, "secretRefs": refs},
            "retry": retry,
            "limits": {"maxConcurrency": 8},
        }
        asked.job(runs=runs)
        for name in self.names:
            asked.run(name)

    def runs(self) -> dict[str, Document]:
        return {each["metadata"]["name"]: each for each in self.space.list("JobRun")}

    def all_told(self) -> bool:
        found = self.runs().values()
        phases = [each.get("status", {}).get("webhook", {}).get("phase") for each in found]
        return phases == ["Delivered"] * len(self.names)

    def close(self) -> None:
        self.endpoint.close()
        self.receiver.close()
        self.space.client.delete(f"/api/v1/namespaces/{self.space.name}")
        self.space.client.delete(f"{LEASES}/{self.space.name}")


def killed(
    cluster: wavelab.Cluster, directory: Path, *, runs: int, kills: int, seed: int = 1
) -> Told:
    """A load through which the only process is killed so often, and started again at once."""
    trouble = Killing(kills, seed)
    with ExitStack() as stack:
        load = stack.enter_context(closing(HookLoad(cluster, f"hooks-killed-{seed}", runs, seed)))
        only = OnlyProcess(cluster, load.space, directory, trouble, *_OPTIONS)
        stack.enter_context(closing(only))

        def is_over() -> bool:
            only.tend()
            return trouble.is_over and load.all_told()

        only.launch()
        begun = time.monotonic()
        load.begin()
        load.space.wait("all is told", is_over, seconds=120 + 5 * runs, poll=0.2)
        found = Told(runs, trouble.killed, seconds=time.monotonic() - begun)
        only.replica.process.stop()
        _judge(found, load.runs(), load.receiver.calls)
        return found


def _judge(found: Told, runs: dict[str, Document], calls: list[Received]) -> None:
    told: defaultdict[str, list[Received]] = defaultdict(list)
    for call in calls:
        Webhook(KEY).verify(call.body, dict(call.headers.items()))
        told[json.loads(call.body)["data"]["run"]].append(call)
    found.calls = len(calls)
    for name, run in runs.items():
        status = run["status"]
        record = status.get("webhook", {})
        taken = [each for each in told[name] if each.reply is not None and each.reply.status < 300]
        found.attempts[record.get("attempts", 0)] += 1
        found.again += max(0, len(taken) - 1)
        if phase_of(run) not in TERMINAL or record.get("phase") != "Delivered":
            found.wrong.append(f"{name} is {phase_of(run)}, its webhook {record}")
        if not taken:
            found.wrong.append(f"{name} was not told, by {len(told[name])} calls")
        if len({(each.headers["webhook-id"], each.body) for each in told[name]}) > 1:
            found.wrong.append(f"{name} was told in several ways")
        if record.get("attempts", 0) > len(told[name]):
            found.wrong.append(f"of {name} are {record} on record, and {len(told[name])} were made")
