"""What the API server said of versions, in this process's memory.

A version is tried once before its first wave: its ConfigMap is made and one pod of it is sent as
a dry run. When a refusal is tried again is for the plan to say; the newest outcome counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Final

from wavegate.domain.observed import Preparation

_NOTHING: Final[Mapping[int, Preparation]] = MappingProxyType({})


class Preparations:
    """Outcomes by job uid and version."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Preparation]] = {}

    def record(self, job_uid: str, version: int, outcome: Preparation) -> None:
        """The outcome of a try; ``outcome.at`` is epoch seconds."""
        self._known.setdefault(job_uid, {})[version] = outcome

    def of(self, job_uid: str) -> Mapping[int, Preparation]:
        """What is known of the job's versions, by version."""
        return MappingProxyType(self._known.get(job_uid, {})) if job_uid else _NOTHING

    def keep_only(self, job_uids: Set[str]) -> None:
        """Forget jobs that are gone."""
        for uid in self._known.keys() - job_uids:
            del self._known[uid]
