"""A watch that misses no change of a kind in a namespace, however short."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any, Self

from support.space import Document, Space


class Watch(ABC):
    """A thread that hears of all that happens from when it is entered."""

    def __init__(self, space: Space, kind: str) -> None:
        self._space = space
        self._kind = kind
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._since = ""

    def __enter__(self) -> Self:
        listed = self._space.client.get(self._space.path(self._kind))
        self._since = str(listed["metadata"]["resourceVersion"])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What has happened until now has been heard."""
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def heard(self, document: Document, gone: bool) -> None:
        """The object is like this from now on; ``gone``: it was, and is no more."""

    def _hear(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.is_set()  # then once more, for what came last
            query = f"?watch=true&timeoutSeconds=1&resourceVersion={self._since}"
            for event in self._space.client.watch(f"{self._space.path(self._kind)}{query}"):
                document: dict[str, Any] = event["object"]
                assert event["type"] != "ERROR", document
                self._since = document["metadata"]["resourceVersion"]
                self.heard(document, event["type"] == "DELETED")
