"""Reading fields of documents that anybody may have written: nothing here ever raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wavegate.api.names import GROUP
from wavegate.domain.times import parse_time

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Meta:
    """What is read of every object's metadata."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    created: float
    generation: int
    deleting: bool
    finalizers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Owner:
    """A controller owner reference; all empty where there is none."""

    kind: str = ""
    name: str = ""
    uid: str = ""


def mapping(value: Any) -> Raw:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Raw]:
    """Those items of a list that are mappings."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def integer(value: Any, default: int = 0) -> int:
    """The value if it is a whole number, else the default."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def flag(value: Any) -> bool:
    """True for true itself only."""
    return value is True


def strings(value: Any) -> dict[str, str]:
    """Those entries of a mapping that are strings, such as labels."""
    return {key: item for key, item in mapping(value).items() if isinstance(item, str)}


def texts(value: Any) -> frozenset[str]:
    """Those items of a list that are strings."""
    return frozenset(map(text, value)) if isinstance(value, list) else frozenset()


def condition(status: Raw, kind: str) -> Raw:
    """The status condition of a type; empty where there is none."""
    for entry in mappings(status.get("conditions")):
        if entry.get("type") == kind:
            return entry
    return {}


def meta_of(raw: Raw) -> Meta:
    """The metadata. Raises ValueError without name, uid or numeric resourceVersion."""
    metadata = mapping(raw.get("metadata"))
    name, uid = text(metadata.get("name")), text(metadata.get("uid"))
    version = text(metadata.get("resourceVersion"))
    if not name or not uid or not version.isdecimal():
        raise ValueError(f"metadata without name, uid or resourceVersion: {name!r} {uid!r}")
    return Meta(
        namespace=text(metadata.get("namespace")),
        name=name,
        uid=uid,
        resource_version=version,
        created=parse_time(metadata.get("creationTimestamp")) or 0.0,
        generation=integer(metadata.get("generation"), 1),
        deleting=metadata.get("deletionTimestamp") is not None,
        finalizers=texts(metadata.get("finalizers")),
    )


def controller_of(raw: Raw) -> Owner:
    """The owner reference with ``controller: true``.

    Of another group than ours the kind says so, and there is no uid: that group may have a kind of
    the same name, and anybody may write any uid.
    """
    for entry in mappings(mapping(raw.get("metadata")).get("ownerReferences")):
        if flag(entry.get("controller")):
            kind, name, uid = (text(entry.get(each)) for each in ("kind", "name", "uid"))
            version = text(entry.get("apiVersion"))
            if version.partition("/")[0] == GROUP:
                return Owner(kind, name, uid)
            return Owner(f"{kind} ({version})", name)
    return Owner()
