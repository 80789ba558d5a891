"""What kstatus (Flux, Helm 4) and Argo CD make of our objects, at every moment of their life."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import wavelab
from support.lua import run_script
from wavelab import binaries

ROOT = Path(__file__).parents[2]
ARGOCD = ROOT / "gitops" / "argocd" / "resource_customizations" / "wavegate.dev"
Document = dict[str, Any]


def kstatus(objects: list[Document]) -> list[str]:
    """InProgress, Current or Failed for each, by the library itself."""
    binaries.ensure(["kstatus"], lambda _: None)
    given = "\n".join(json.dumps(each) for each in objects)
    program = str(binaries.path_of("kstatus"))
    done = subprocess.run([program], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def argocd(objects: list[Document]) -> list[str]:
    """Progressing, Suspended, Healthy or Degraded for each, by our scripts for Argo CD."""
    return [run_script(ARGOCD / o["kind"] / "health.lua", o)["status"] for o in objects]


def told(words: list[str]) -> list[str]:
    """What somebody who looks all the time is told, one after the other."""
    return [word for word, _ in groupby(words)]


class Recorder:
    """Every state of the objects of a kind in a namespace, as a watch delivers them."""

    def __init__(self, cluster: wavelab.Cluster, namespace: str, resource: str, file: Path) -> None:
        self._file = file
        command = [str(binaries.path_of("kubectl")), "get", resource, "-n", namespace]
        with file.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "--watch", "-o", "json"],
                env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
                stdout=out,
                stderr=subprocess.DEVNULL,
            )

    def seen(self, live: Document) -> bool:
        """Whether it has had this state of the object, so that none before it is missing."""
        version = live["metadata"]["resourceVersion"]
        found = self.states(live["metadata"]["name"])
        return any(each["metadata"]["resourceVersion"] == version for each in found)

    def states(self, name: str) -> list[Document]:
        """So far, of the object of this name, oldest first."""
        return [each for each in self._documents() if each["metadata"]["name"] == name]

    def _documents(self) -> Iterator[Document]:
        text, decoder, at = self._file.read_text(), json.JSONDecoder(), 0
        while at < len(text):
            try:
                document, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                return  # half written
            yield from document["items"] if document["kind"] == "List" else [document]
            at = end + 1

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
