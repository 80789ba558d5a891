"""A Prometheus as the administrator gave it: its address, and how to trust it and be trusted.

Token and CA are files that something else keeps fresh, so they are read each time they are needed.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from wavegate.health.parse import UnreadableError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, http or https, without a user and a query; and perhaps files."""

    url: str
    token_file: str = ""
    """Holds the bearer token."""
    ca_file: str = ""
    """Holds the certificates (PEM) of which the server's must be; empty: those of the system."""

    @property
    def query_url(self) -> URL:
        """Where instant queries are sent."""
        return URL(self.url.rstrip("/") + "/api/v1/query")

    def headers(self) -> dict[str, str]:
        """What identifies us; raises UnreadableError where the token cannot be read."""
        if not self.token_file:
            return {}
        token = _read(self.token_file, "token").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise UnreadableError(f"the token file {self.token_file} does not hold one token")
        return {"Authorization": f"Bearer {token}"}


class Trust:
    """Whom an endpoint's certificate must be of; made anew when the CA file has changed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._file = endpoint.ca_file
        self._text = ""
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | bool:
        """For aiohttp; True: the system's. Raises UnreadableError where the file is none."""
        if not self._file:
            return True
        text = _read(self._file, "CA")
        if self._context is None or text != self._text:
            # Not create_default_context: of an empty file that makes the system's.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(cadata=text)
            except (ssl.SSLError, ValueError) as error:
                raise UnreadableError(f"the CA file {self._file}: {error}") from error
            self._context, self._text = context, text
        return self._context


def _read(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "is no text"
        raise UnreadableError(f"the {what} file {path}: {words}") from error
