"""A release of the chart on real nodes: what a person does with helm and kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wavelab
from support.chart import CHART, NAMESPACE
from wavelab import binaries

USER = f"system:serviceaccount:{NAMESPACE}:wavegate"
Document = dict[str, Any]


class Release:
    """The release ``wavegate`` by one Helm: ``helm`` is Helm 4, ``helm3`` Helm 3."""

    def __init__(self, lab: wavelab.Cluster, program: str) -> None:
        binaries.ensure([program], lambda _: None)
        self.lab = lab
        self._before = 0
        self._program = str(binaries.path_of(program))

    def helm(self, *arguments: str) -> str:
        """Run it in the release's namespace; what it prints."""
        done = subprocess.run(
            [self._program, "--namespace", NAMESPACE, *arguments],
            env={**os.environ, "KUBECONFIG": str(self.lab.kubeconfig)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.story()}"
        return done.stdout

    def install(self, *options: str, chart: Path = CHART) -> str:
        """Into a namespace whose pods must satisfy the restricted standard."""
        self._before = len(self._all_requests())
        self.lab.kubectl("create", "namespace", NAMESPACE)
        label = "pod-security.kubernetes.io/enforce=restricted"
        self.lab.kubectl("label", "namespace", NAMESPACE, label)
        return self.helm("install", "wavegate", str(chart), "--wait", "--timeout=2m", *options)

    def upgrade(self, *options: str, chart: Path = CHART) -> None:
        self.helm("upgrade", "wavegate", str(chart), "--wait", "--timeout=2m", *options)

    def revision(self) -> str:
        """The number of the newest."""
        history = json.loads(self.helm("history", "wavegate", "--output=json"))
        return str(history[-1]["revision"])

    def pods(self) -> list[Document]:
        """The operator's pods that are to stay."""
        label = "app.kubernetes.io/component=operator"
        found = self.items("pods", "-n", NAMESPACE, "-l", label)
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def leader(self) -> str:
        """The pod that leads; empty where none does."""
        for lease in self.items("leases", "-n", NAMESPACE):
            if lease["metadata"]["name"] == "wavegate":
                return str(lease["spec"].get("holderIdentity") or "").rpartition("_")[0]
        return ""

    def leads(self) -> bool:
        """Whether one of the pods that stay leads."""
        return self.leader() in {each["metadata"]["name"] for each in self.pods()}

    def items(self, kinds: str, *options: str) -> list[Document]:
        return list(json.loads(self.lab.kubectl("get", kinds, "-o", "json", *options))["items"])

    def requests(self) -> list[Document]:
        """What the operator has asked of the API server since its install, as audit events."""
        return self._all_requests()[self._before :]

    def _all_requests(self) -> list[Document]:
        events = self.lab.audit_events()
        return [each for each in events if each["user"]["username"] == USER]

    def writes(self) -> list[str]:
        """Its requests that change something, but for its Lease."""
        return [
            f"{each['verb']} {each['requestURI']}"
            for each in self.requests()
            if each["verb"] not in ("get", "list", "watch")
            and each.get("objectRef", {}).get("resource") != "leases"
        ]

    def wait(self, what: str, holds: Callable[[], object], seconds: float = 90.0) -> None:
        """Until it holds; AssertionError with what the cluster says if it never does."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"never came true: {what}\n{self.story()}"
            time.sleep(0.2)

    def story(self) -> str:
        """What a person needs to understand a failure."""
        kubectl = self.lab.kubectl
        seen = kubectl("get", "fj,fd,ex,pods", "-A", "-o", "wide", check=False)
        told = kubectl("get", "events", "-n", NAMESPACE, check=False)
        label = "app.kubernetes.io/component=operator"
        said = kubectl("logs", "-n", NAMESPACE, "-l", label, "--tail=15", check=False)
        return f"{seen}\n{told}\n{said}"
