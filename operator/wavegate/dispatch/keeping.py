"""What is kept of a body, whoever sent it: a text that is short, of anything else size and hash."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from wavegate.api.jobrun import MAX_RESULT
from wavegate.dispatch.masking import Masker


class Body:
    """A body as it comes, of which no more is in memory than may be kept."""

    def __init__(self, piece: bytes = b"") -> None:
        self.size = 0
        self._start = bytearray()
        self._hash = hashlib.sha256()
        self.add(piece)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._hash.update(piece)
        if self.size <= MAX_RESULT:
            self._start += piece
        else:
            self._start.clear()

    @property
    def whole(self) -> bytes | None:
        """None: it is longer than what is kept."""
        return bytes(self._start) if self.size <= MAX_RESULT else None

    @property
    def digest(self) -> str:
        """SHA-256 in hex."""
        return self._hash.hexdigest()


def kept(body: Body, masker: Masker | None) -> dict[str, Any]:
    """What is kept of a body, as fields of an answer: text of at most 8 KiB, secrets masked.

    Else, and where nobody knows which secrets it may hold (None), its size and its SHA-256 in hex.
    """
    if masker is not None and body.whole is not None:
        with contextlib.suppress(UnicodeDecodeError):
            text = masker.text(body.whole.decode())
            if len(text) <= MAX_RESULT:  # masks may be longer than what they hide
                return {"result": text}
    return {"result_size": body.size, "result_hash": body.digest}
