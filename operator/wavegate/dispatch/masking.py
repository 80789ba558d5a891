"""What of a call may be kept: no value of a secret, and no more than can be stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

MASK: Final = "***"
MAX_HEADERS: Final = 64
MAX_VALUE: Final = 1024
MAX_BODY: Final = 4096
"""Characters of a body, and so at most the first 4 KiB of it."""

_CONFIDENTIAL: Final = re.compile(
    r"auth|cookie|token|secret|passw|credential|session|signature|(api|access|private)-?key", re.I
)


class Masker:
    """Replaces these secrets, as they are and as JSON writes them, by ``***``."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {
            spelling
            for secret in secrets
            for spelling in (secret, secret.strip(), json.dumps(secret.strip())[1:-1])
            if spelling
        }
        longest_first = sorted(spelled, key=lambda each: (-len(each), each))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text)

    def body(self, body: bytes) -> str:
        """The first 4 KiB, masked before they are cut, so that no part of a secret is left."""
        return self.text(body.decode(errors="replace"))[:MAX_BODY]

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The first 64; what says who the caller is is masked whatever it holds."""
        kept = list(headers.items())[:MAX_HEADERS]
        return {
            self.text(name)[:MAX_VALUE]: MASK
            if _CONFIDENTIAL.search(name)
            else self.text(value)[:MAX_VALUE]
            for name, value in kept
        }
