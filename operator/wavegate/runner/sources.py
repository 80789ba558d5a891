"""What a call needs of other objects: its payload, headers and signing keys, read when it is made.

Secrets are read only where the administrator allows it, and nothing of them is kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wavegate.api.calling import KeyRef
from wavegate.api.httpjob import Http
from wavegate.cache.fields import mapping, text
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, Forbidden, NotFound
from wavegate.kube.resources import CONFIG_MAPS, HTTP_JOBS, JOB_RUNS, SECRETS, Resource
from wavegate.runs.observed import RunView
from wavegate.runs.payload import problems

MAX_REPLAYS: Final = 10
"""Runs that are gone back over to find the payload of a replay."""

_NO_PAYLOAD: Final = "{}"


class Unreadable(Exception):
    """Something that the call needs cannot be had; the text says what and never its content.

    ``may_pass``: whether another attempt may have it.
    """

    def __init__(self, words: str, *, may_pass: bool = False) -> None:
        super().__init__(words)
        self.may_pass = may_pass


@dataclass(frozen=True, slots=True)
class Needs:
    """``secrets``: values that are in nothing that is kept."""

    payload: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    signing: tuple[str, ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Sources:
    """``read_secrets``: whether the administrator allows it."""

    def __init__(self, client: Client, *, read_secrets: bool) -> None:
        self._client = client
        self._read_secrets = read_secrets

    async def needs(self, run: RunView, http: Http, schema: Mapping[str, Any] | None) -> Needs:
        """All that a call of the run needs. Raises Unreadable."""
        secrets: list[str] = []
        payload = await self._payload(run, schema, secrets)
        headers = {}
        for header in http.headers:
            if header.value_from is not None:
                value = await self._credential(run.namespace, header.value_from.secret_key_ref)
                secrets.append(value)
            else:
                value = header.value or ""
            headers[header.name] = value
        refs = http.signing.secret_refs if http.signing else []
        signing = await self.signing(run.namespace, refs)
        return Needs(payload, headers, signing, (*secrets, *signing))

    async def signing(self, namespace: str, refs: Iterable[KeyRef]) -> tuple[str, ...]:
        """Signing keys, as they are written. Raises Unreadable."""
        return tuple([await self._credential(namespace, ref) for ref in refs])

    async def _payload(
        self, run: RunView, schema: Mapping[str, Any] | None, secrets: list[str]
    ) -> str:
        if run.payload is not None:
            return run.payload  # it was compared with the schema when the run was first seen
        payload = _NO_PAYLOAD
        if run.payload_from is not None and run.payload_from.config_map_key_ref is not None:
            payload = await self._config(run.namespace, run.payload_from.config_map_key_ref)
        elif run.payload_from is not None and run.payload_from.secret_key_ref is not None:
            payload = await self._secret(run.namespace, run.payload_from.secret_key_ref)
            secrets.append(payload)
        elif run.replay_of:
            payload = await self._replayed(run, secrets)
        words = problems(payload, schema)
        if words:
            raise Unreadable(f"the {words}")
        return payload

    async def _replayed(self, run: RunView, secrets: list[str]) -> str:
        name = run.replay_of
        for _ in range(MAX_REPLAYS):
            spec = mapping((await self._get(JOB_RUNS, run.namespace, name)).get("spec"))
            kind = text(spec.get("jobKind")) or HTTP_JOBS.kind
            if (kind, text(spec.get("jobName"))) != (run.job_kind, run.job):
                raise Unreadable(f"run {name} is of another job")
            source = mapping(spec.get("payloadFrom"))
            if "payload" in spec:
                return text(spec["payload"])
            if ref := mapping(source.get("configMapKeyRef")):
                return await self._config(run.namespace, KeyRef.model_validate(dict(ref)))
            if ref := mapping(source.get("secretKeyRef")):
                secrets.append(await self._secret(run.namespace, KeyRef.model_validate(dict(ref))))
                return secrets[-1]
            name = text(spec.get("replayOf"))
            if not name:
                return _NO_PAYLOAD
        raise Unreadable(f"more than {MAX_REPLAYS} replays of one another")

    async def _config(self, namespace: str, ref: KeyRef) -> str:
        found = await self._get(CONFIG_MAPS, namespace, ref.name)
        data = mapping(found.get("data"))
        if ref.key not in data:
            raise Unreadable(f"ConfigMap {ref.name} has no key {ref.key}")
        return text(data[ref.key])

    async def _credential(self, namespace: str, ref: KeyRef) -> str:
        """Without blanks at its ends, such as the line end of the file that it is from."""
        return (await self._secret(namespace, ref)).strip()

    async def _secret(self, namespace: str, ref: KeyRef) -> str:
        if not self._read_secrets:
            raise Unreadable(
                f"Secret {ref.name}: this operator reads no Secrets; its administrator can allow it"
            )
        found = await self._get(SECRETS, namespace, ref.name)
        data = mapping(found.get("data"))
        if ref.key not in data:
            raise Unreadable(f"Secret {ref.name} has no key {ref.key}")
        try:
            return base64.b64decode(text(data[ref.key]), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Unreadable(f"Secret {ref.name}: key {ref.key} is no text") from None

    async def _get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        try:
            return await self._client.get(resource, namespace, name)
        except NotFound:
            raise Unreadable(f"{resource.kind} {name} is not there") from None
        except Forbidden as error:
            raise Unreadable(f"{resource.kind} {name}: {error.reason}") from None
        except ApiError as error:
            raise Unreadable(f"{resource.kind} {name}: {error.reason}", may_pass=True) from None
