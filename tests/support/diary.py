"""Everything that ever became of the pods of a namespace, as a watch tells it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from support.space import Document, Space, is_ready
from support.watching import Watch

PULL_LABEL: Final = "wavegate.dev/pull"


@dataclass(frozen=True)
class Entry:
    """A pod as it was from ``at`` on (monotonic seconds); ``gone``: it was no more."""

    at: float
    pod: Document
    gone: bool

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def node(self) -> str:
        """Of a pod that pulls images, the one that it is made for; else where it was put."""
        affinity = self.pod["spec"]["affinity"]["nodeAffinity"]
        required = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])

    @property
    def pulls(self) -> bool:
        """Whether the pod only pulls images."""
        return PULL_LABEL in self.pod["metadata"]["labels"]


class Diary(Watch):
    """All that a namespace's pods were, from when it is entered."""

    def __init__(self, space: Space) -> None:
        super().__init__(space, "Pod")
        self.entries: list[Entry] = []

    def heard(self, document: Document, gone: bool) -> None:
        self.entries.append(Entry(time.monotonic(), document, gone))

    def pulled(self) -> list[str]:
        """Names of the pods that pulled images, in the order in which they came."""
        return list(dict.fromkeys(each.name for each in self.entries if each.pulls))

    def most_pulls_at_once(self) -> int:
        there: set[str] = set()
        most = 0
        for each in self.entries:
            if each.pulls:
                (there.discard if each.gone else there.add)(each.name)
                most = max(most, len(there))
        return most

    def pulls_left(self) -> set[str]:
        """Names of the pods that pull images and are still there."""
        last = {each.name: each for each in self.entries if each.pulls}
        return {name for name, each in last.items() if not each.gone}

    def down_seconds(self, node: str) -> float:
        """From the last deletion of a pod at work on the node until the next one was ready."""
        own = [each for each in self.entries if not each.pulls and each.node == node]
        ends = [each for each in own if "deletionTimestamp" in each.pod["metadata"]]
        uid = ends[-1].pod["metadata"]["uid"]
        begun = next(each.at for each in ends if each.pod["metadata"]["uid"] == uid)
        return next(e.at for e in own if e.at > begun and is_ready(e.pod)) - begun
