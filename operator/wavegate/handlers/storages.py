"""Storages for kopf that store nothing.

Kopf would keep its progress and the last state it handled as annotations on users' objects, or in
their status. Our handlers need neither: what is to be done follows from the cluster alone.
"""

from __future__ import annotations

from typing import Any

import kopf


class ForgetfulProgress(kopf.ProgressStorage):
    """No handler's progress outlives the process."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


class ForgetfulDiffBase(kopf.DiffBaseStorage):
    """Every object is new to every process."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass
