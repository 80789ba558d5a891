"""Whether the CRDs that are served know every field that this operator reads and writes.

The API server drops what a CRD does not know, without a word. An operator that is newer than its
CRDs would find its own status changed again and again, and write it for ever. So it waits, and is
not ready, until they have been applied: a rolling upgrade leaves the pods before it at work. What
cannot be read stops nobody.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wavegate.api.crds import KINDS, crd
from wavegate.kube.errors import ApiError
from wavegate.kube.resources import FLEET_JOBS
from wavegate.kube.transport import Transport

PAUSE: Final = 2.0
"""Seconds between two looks at CRDs that are too old."""

_TIMEOUT: Final = 5.0
_PATH: Final = f"/openapi/v3/apis/{FLEET_JOBS.api_version}"
_OURS: Final = ("spec", "status")
_MOST_NAMED: Final = 3

_log = logging.getLogger(__name__)


def missing_fields(own: Mapping[str, Any], served: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths of the properties that one schema has and the other lacks, the outermost of each."""
    known = served.get("properties")
    for name, schema in own.get("properties", {}).items():
        if known is None:
            return  # whatever is there is kept
        if name in known:
            yield from missing_fields(schema, known[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}"
    for below in ("items", "additionalProperties"):
        both = (own.get(below), served.get(below))
        if all(isinstance(each, Mapping) for each in both):
            yield from missing_fields(both[0] or {}, both[1] or {}, path)


@functools.cache
def _own() -> Mapping[str, Mapping[str, Any]]:
    """By kind, what the operator's own CRDs know."""
    schemas = {kind.kind: crd(kind)["spec"]["versions"][0]["schema"] for kind in KINDS}
    return {kind: each["openAPIV3Schema"]["properties"] for kind, each in schemas.items()}


class CrdCheck:
    """``outdated`` says what the served CRDs lack; empty once they lack nothing."""

    def __init__(self, transport: Transport) -> None:
        self.outdated = ""
        self._transport = transport

    async def passed(self) -> None:
        """Return once they are new enough, or cannot be looked at."""
        while missing := await self._missing():
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            named = ", ".join(missing[:_MOST_NAMED])
            said = (
                f"the CRDs are older than this operator and lack {named}{more}: apply its own"
                " (kubectl apply --server-side -f crds/, or crds.enabled of the chart)"
            )
            if said != self.outdated:
                _log.error("%s", said)
            self.outdated = said
            await asyncio.sleep(PAUSE)
        self.outdated = ""

    async def _missing(self) -> list[str]:
        try:
            answer = await self._transport.request("GET", _PATH, timeout=_TIMEOUT)
            served = {
                each["x-kubernetes-group-version-kind"][0]["kind"]: each
                for each in answer["components"]["schemas"].values()
                if "x-kubernetes-group-version-kind" in each
            }
        except (ApiError, KeyError, TypeError, AttributeError, IndexError) as error:
            _log.warning("cannot tell whether the CRDs are new enough: %s", error)
            return []
        # Where none is served, others are to be told of: they are being removed, or not there yet.
        is_any = not served.keys().isdisjoint(_own())
        missing = [kind for kind in _own() if is_any and kind not in served]
        for kind, own in _own().items():
            found = served.get(kind, {}).get("properties", {})
            for part in _OURS:
                if part in own and part in found:
                    path = f"{kind} {part}"
                    missing += missing_fields(own[part], found[part], path)
        return missing
