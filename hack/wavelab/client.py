"""A few requests to the API server, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wavelab.errors import WavelabError

Document = dict[str, Any]


class ApiError(WavelabError):
    """The server answered with an HTTP error; `code` is its status, 0 when there was no answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """Requests as one user; safe to use from several threads."""

    def __init__(self, server: str, token: str, authority: Path, *, timeout: float = 30.0) -> None:
        self._server = server
        self._token = token
        self._timeout = timeout
        self._context = ssl.create_default_context(cafile=str(authority))

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Document:
        """Send one request; returns the JSON answer ({} for an answer that is not JSON).

        Raises ApiError with the server's own message.
        """
        data = None if body is None else json.dumps(body).encode()
        with self._answer(method, path, data, content) as answer:
            text = answer.read()
        try:
            return dict(json.loads(text))
        except ValueError:
            return {}

    def watch(self, path: str) -> Iterator[Document]:
        """Events of a watch, as they come, until the server ends it (`timeoutSeconds` in `path`).

        Raises ApiError as `request` does.
        """
        with self._answer("GET", path) as answer:
            for line in answer:
                yield json.loads(line)

    @contextmanager
    def _answer(
        self, method: str, path: str, data: bytes | None = None, content: str = "application/json"
    ) -> Iterator[http.client.HTTPResponse]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content}
        request = urllib.request.Request(
            self._server + path, data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(
                request, timeout=self._timeout, context=self._context
            ) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, _message(method, path, error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"{method} {path}: {error}") from error

    def get(self, path: str) -> Document:
        """GET, e.g. `/api/v1/nodes`."""
        return self.request("GET", path)

    def exists(self, path: str) -> bool:
        """Whether GET finds the object; an unreachable server counts as no."""
        try:
            self.get(path)
        except ApiError:
            return False
        return True

    def create(self, path: str, body: Document, *, existing_ok: bool = False) -> Document:
        """POST; with `existing_ok` an object that is already there is fine."""
        try:
            return self.request("POST", path, body)
        except ApiError as error:
            if existing_ok and error.code == http.client.CONFLICT:
                return {}
            raise

    def delete(self, path: str) -> None:
        """DELETE; an object that is already gone is fine."""
        try:
            self.request("DELETE", path)
        except ApiError as error:
            if error.code != http.client.NOT_FOUND:
                raise


def _message(method: str, path: str, error: urllib.error.HTTPError) -> str:
    try:
        message = json.loads(error.read())["message"]
    except (ValueError, KeyError, TypeError, OSError):
        message = error.reason
    return f"{method} {path}: {error.code} {message}"
