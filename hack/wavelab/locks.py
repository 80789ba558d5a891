"""File locks held across processes; the kernel frees them when the holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wavelab.errors import RefusedError


@contextmanager
def exclusive(path: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold an exclusive lock on `path` (created if missing, never removed).

    With `busy`, a lock held by somebody else raises RefusedError with that text instead of waiting.
    Removing a lock file would let two holders lock two different inodes, so it stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            raise RefusedError(busy or str(path)) from error
        yield
