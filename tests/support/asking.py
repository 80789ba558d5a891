"""A namespace with HTTPJobs, runs that are asked for, and what a user sees of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from support.answering import Endpoint
from support.few import at
from support.space import Document, Space
from wavegate.runs.states import TERMINAL

GROUP: Final = "wavegate.dev/v1alpha1"
AT_ONCE: Final[dict[str, Any]] = {"strategy": "Fixed", "initialDelay": "0s", "jitterPercent": 0}
"""Retries without a delay."""
ONCE: Final[dict[str, Any]] = {"maxAttempts": 1}
"""No retries."""


class Asked:
    """Jobs whose runs call an endpoint, unless they say otherwise."""

    def __init__(self, space: Space, endpoint: Endpoint) -> None:
        self.space = space
        self.endpoint = endpoint

    def job(
        self, name: str = "app", /, *, http: Mapping[str, Any] | None = None, **spec: Any
    ) -> None:
        """Apply an HTTPJob; ``http`` adds to its section http, whose url is the endpoint's."""
        section = {"url": self.endpoint.url, **(http or {})}
        self.space.apply(name, {"http": section, **spec}, "HTTPJob")

    def run(self, name: str, /, job: str = "app", *, owned: bool = False, **spec: Any) -> None:
        """Ask for a run. ``owned``: the job's own, which it removes; so the CLI makes them."""
        metadata: Document = {"name": name}
        if owned:
            owner = self.space.get("HTTPJob", job)
            assert owner is not None
            metadata["ownerReferences"] = [
                {
                    "apiVersion": GROUP,
                    "kind": "HTTPJob",
                    "name": job,
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ]
        body = {
            "apiVersion": GROUP,
            "kind": "JobRun",
            "metadata": metadata,
            "spec": {"jobName": job, **spec},
        }
        self.space.client.request("POST", self.space.path("JobRun"), body)

    def keep(self, kind: str, name: str, data: Mapping[str, str]) -> None:
        """Create a ConfigMap or a Secret with these texts."""
        body = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name},
            "data" if kind == "ConfigMap" else "stringData": data,
        }
        path = f"/api/v1/namespaces/{self.space.name}/{kind.lower()}s"
        self.space.client.request("POST", path, body)

    def of_job(self, name: str = "app") -> Document:
        """status of an HTTPJob; empty where there is none."""
        return dict((self.space.get("HTTPJob", name) or {}).get("status", {}))

    def of(self, run: str) -> Document:
        """status of a JobRun; empty where there is none."""
        return dict((self.space.get("JobRun", run) or {}).get("status", {}))

    def told(self, run: str) -> tuple[str, str]:
        """Phase and reason of a run; of one of which nothing is said yet the reason is empty."""
        status = self.of(run)
        return str(status.get("phase")), str(status.get("reason", ""))

    def until(self, what: str, holds: Callable[[], object]) -> None:
        self.space.wait(what, holds, seconds=30, poll=0.05)

    def tells(self, run: str, phase: str, reason: str) -> Document:
        """Wait until the run is in that phase for that reason; its status then."""
        self.until(f"{run} is {phase}, {reason}", lambda: self.told(run) == (phase, reason))
        return self.of(run)

    def ended(self, run: str) -> Document:
        """Wait until the run has ended; its status."""
        self.until(f"{run} has ended", lambda: self.of(run).get("phase") in TERMINAL)
        return self.of(run)

    def seen(self, job: str = "app") -> Document:
        """Wait until the operator has seen the job as it is now; its status."""
        self.until(f"{job} is seen", lambda: self._is_seen(job))
        return self.of_job(job)

    def _is_seen(self, job: str) -> bool:
        found = self.space.get("HTTPJob", job) or {}
        observed = found.get("status", {}).get("observedGeneration")
        return bool(found) and observed == found["metadata"]["generation"]

    def versions(self, job: str = "app") -> list[int]:
        """Numbers of the job's versions that are there."""
        return sorted(
            each["spec"]["version"]
            for each in self.space.list("JobVersion")
            if each["metadata"]["name"].startswith(f"{job}-h")
        )

    def passed(self, moment: str, seconds: float) -> bool:
        """Whether so many seconds have passed since a time in a document."""
        return time.time() >= at(moment) + seconds
