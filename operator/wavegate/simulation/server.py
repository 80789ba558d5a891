"""The simulated API server: requests in, documents or refusals out, at once and without I/O.

It does what the operator, its users and the kubelets ask of a server, and answers 501 to anything
else, so that a new use is noticed. What it does is held to the real one by tests/conformance. Left
out: rules in CEL, admission, managedFields, and the schemas of the kinds that Kubernetes brings.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from random import Random
from typing import Any, Final

from wavegate.domain.times import format_time
from wavegate.kube.resources import FLEET_JOBS, PODS
from wavegate.kube.transport import JSON, MERGE_PATCH
from wavegate.simulation import refusals
from wavegate.simulation.deletion import Deleting
from wavegate.simulation.kinds import BY_PATH, GROUP, NAMESPACES, PUBLISHED, SERVED, Kind
from wavegate.simulation.rights import User
from wavegate.simulation.store import Document, Key, Store
from wavegate.simulation.watches import Selection, Watch, Watches

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"
_OURS: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Fields of metadata that only the server writes."""

_QUERIES: Final = {
    "list": {"limit", "continue", "labelSelector", "fieldSelector"},
    "watch": {
        "resourceVersion",
        "allowWatchBookmarks",
        "timeoutSeconds",
        "labelSelector",
        "fieldSelector",
        "watch",
    },
    "create": {"dryRun", "fieldValidation"},
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names."""

    kind: Kind
    namespace: str
    name: str
    subresource: str

    @property
    def key(self) -> Key:
        return (self.namespace, self.name)


class Server(Deleting):
    """``now``: epoch seconds; ``rng``: for uids and made-up names."""

    def __init__(self, now: Callable[[], float], rng: Random) -> None:
        self.store = Store()
        self._now = now
        self._rng = rng
        self._watches = Watches(self.store)
        super().__init__()

    def request(
        self,
        user: User,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Document:
        """One request; the answer is the caller's own.

        Raises an `ApiError` as the real server would refuse it.
        """
        query = query or {}
        if method == "GET" and path.startswith("/apis") and path.count("/") <= 3:
            return self._discover(path)
        if method == "GET" and path == f"/openapi/v3/apis/{FLEET_JOBS.api_version}":
            return {"components": {"schemas": PUBLISHED}}
        target = parse(path)
        verb = _verb(method, target, content_type)
        self._authorize(user, verb, target)
        if unknown := set(query) - _QUERIES.get(verb, set()):
            raise refusals.not_simulated(f"query {sorted(unknown)} of {verb}")
        match verb:
            case "get":
                return self._found(target)
            case "list":
                return self._list(target, query)
            case "create":
                return self._create(target, query, body)
            case "update":
                return self._update(target, body)
            case "patch":
                return self._patch(target, body)
            case _:
                return self._delete(target, body)

    def list_behind(
        self, user: User, path: str, query: Mapping[str, Any], revision: int
    ) -> Document:
        """A list as a server gives it that has not caught up: as of an earlier revision."""
        target = parse(path)
        self._authorize(user, "list", target)
        return self._list(target, query, revision)

    def date(self) -> str:
        """As answers carry it."""
        return _date(int(self._now()))

    def watch(self, user: User, path: str, query: Mapping[str, Any]) -> Watch:
        """Begin a watch. Raises as `request` does; too old a revision is an event in the watch."""
        target = parse(path)
        if target.name:
            raise refusals.not_simulated("watch of a single object's path")
        self._authorize(user, "watch", target)
        if unknown := set(query) - _QUERIES["watch"]:
            raise refusals.not_simulated(f"query {sorted(unknown)} of watch")
        since = str(query.get("resourceVersion", ""))
        if not since.isdecimal() or int(since) == 0:
            raise refusals.not_simulated(f"watch from resourceVersion {since!r}")
        seconds = query.get("timeoutSeconds")
        return self._watches.begin(
            target.kind,
            Selection.of(target.namespace, query),
            int(since),
            bookmarks=query.get("allowWatchBookmarks") == "true",
            seconds=None if seconds is None else float(seconds),
        )

    def _discover(self, path: str) -> Document:
        if path == "/apis":
            found = sorted({k.resource.group for k in SERVED.values() if k.resource.group})
            return {"kind": "APIGroupList", "groups": [{"name": name} for name in found]}
        if path != f"/apis/{FLEET_JOBS.api_version}":
            raise refusals.not_simulated(path)
        kinds = [k.resource for k in SERVED.values() if k.resource.group == GROUP]
        names = [{"name": each.plural, "kind": each.kind} for each in kinds]
        version = FLEET_JOBS.api_version
        return {"kind": "APIResourceList", "groupVersion": version, "resources": names}

    def _authorize(self, user: User, verb: str, target: Target) -> None:
        resource = target.kind.resource
        plural = resource.plural + (f"/{target.subresource}" if target.subresource else "")
        if not user.may(verb, resource.group, plural, target.namespace):
            raise refusals.forbidden(user.name, verb, plural, resource.group)

    def _found(self, target: Target) -> Document:
        document = self.store.get(target.kind, target.key)
        if document is None:
            raise refusals.not_found(target.kind.resource, target.name)
        return document

    def _list(
        self, target: Target, query: Mapping[str, Any], behind: int | None = None
    ) -> Document:
        kind, selection = target.kind, Selection.of(target.namespace, query)
        revision, start = _continued(str(query.get("continue", "")))
        revision = behind if revision is None else revision
        if revision is not None and revision < self.store.compacted:
            raise refusals.expired("The provided continue parameter is too old")
        items = [
            (key, document)
            for key, text in self.store.items(kind, revision)
            if key > start and selection.has(document := json.loads(text))
        ]
        limit = int(query.get("limit", 0)) or len(items)
        at = self.store.revision if revision is None else revision
        metadata: Document = {"resourceVersion": str(at)}
        if len(items) > limit:
            metadata["continue"] = _continue(at, items[limit - 1][0])
        found = [document for _, document in items[:limit]]
        if not kind.custom:
            found = [{k: v for k, v in d.items() if k not in ("apiVersion", "kind")} for d in found]
        resource = kind.resource
        return {
            "apiVersion": resource.api_version,
            "kind": f"{resource.kind}List",
            "metadata": metadata,
            "items": found,
        }

    def _create(self, target: Target, query: Mapping[str, Any], body: Any) -> Document:
        kind, resource = target.kind, target.kind.resource
        document = _received(body, resource.api_version, resource.kind)
        metadata = document["metadata"]
        if metadata.get("resourceVersion"):
            raise refusals.bad_request("resourceVersion should not be set on objects to be created")
        _same(metadata, "namespace", target.namespace)
        if target.namespace and not self._namespace_is_there(target.namespace):
            raise refusals.not_found(NAMESPACES, target.namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self._letters(5)
        name = metadata.get("name", "")
        _check_name(kind, name)
        if kind.status and not kind.status_at_birth:
            document.pop("status", None)
        for field in _OURS:
            metadata.pop(field, None)
        metadata |= {"uid": self._uid(), "creationTimestamp": format_time(self._now())}
        if kind.custom:
            metadata["generation"] = 1
        self._admit(kind, name, document, strict=query.get("fieldValidation") == "Strict")
        key = (target.namespace, name)
        if self.store.get(kind, key) is not None:
            raise refusals.already_exists(resource, name)
        if query.get("dryRun"):
            return document
        made = self.store.put(kind, key, document)
        self._look_for_owners(made)
        return made

    def _update(self, target: Target, body: Any) -> Document:
        kind, resource = target.kind, target.kind.resource
        document = _received(body, resource.api_version, resource.kind)
        metadata = document["metadata"]
        _same(metadata, "name", target.name)
        _same(metadata, "namespace", target.namespace)
        if not metadata.get("resourceVersion") and not kind.blind_updates:
            where = "metadata.resourceVersion: Invalid value: must be specified for an update"
            raise refusals.invalid(resource, target.name, [where])
        return self._replace(target, self._found(target), document)

    def _patch(self, target: Target, change: Any) -> Document:
        if not isinstance(change, dict):
            raise refusals.bad_request("a merge patch is an object")
        before = self._found(target)
        return self._replace(target, before, merged(before, as_sent(change)))

    def _replace(self, target: Target, before: Document, after: Document) -> Document:
        kind, name = target.kind, target.name
        old, new = before["metadata"], after["metadata"]
        if new.get("uid", old["uid"]) != old["uid"]:
            why = f"Precondition failed: UID in precondition: {new['uid']}, UID in object meta: "
            raise refusals.conflict(kind.resource, name, why + old["uid"])
        if new.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
            why = "the object has been modified; please apply your changes to the latest version"
            raise refusals.conflict(kind.resource, name, f"{why} and try again")
        document = _parts(kind, target.subresource, before, after)
        for field in _OURS:
            document["metadata"].pop(field, None)
            if field in old:
                document["metadata"][field] = old[field]
        self._admit(kind, name, document, strict=False)
        if kind.custom and _without_reports(document) != _without_reports(before):
            document["metadata"]["generation"] += 1
        if document == before:
            return before
        is_over = "deletionTimestamp" in old and not old.get("deletionGracePeriodSeconds")
        if is_over and not document["metadata"].get("finalizers"):
            return self._remove(kind, target.key, document)
        return self.store.put(kind, target.key, document)

    def _admit(self, kind: Kind, name: str, document: Document, *, strict: bool) -> None:
        """Prune, default, validate; in place."""
        resource = kind.resource
        if kind.schema is not None:
            unknown = kind.schema.prune(document)
            if strict and unknown:
                fields = ", ".join(f'unknown field "{each}"' for each in unknown)
                raise refusals.bad_request(f"strict decoding error: {fields}")
            kind.schema.default(document)
            if causes := list(kind.schema.errors(document)):
                raise refusals.invalid(resource, name, causes)
        elif resource == PODS and (causes := _pod_errors(document)):
            raise refusals.invalid(resource, name, causes)

    def _namespace_is_there(self, name: str) -> bool:
        return self.store.get(SERVED[NAMESPACES.kind], ("", name)) is not None

    def _letters(self, number: int) -> str:
        return "".join(self._rng.choice(_SUFFIX) for _ in range(number))

    def _uid(self) -> str:
        digits = f"{self._rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@lru_cache(maxsize=16_384)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)


@lru_cache(maxsize=4096)
def parse(path: str) -> Target:
    """What a path names. 501 for kinds that are not served."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1], parts[2:])
    version, rest = rest[0], rest[1:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    kind = BY_PATH.get((group, version, rest[0]))
    if kind is None or len(rest) > 3 or rest[2:] not in ([], ["status"]):
        raise refusals.not_simulated(path)
    name, subresource = (*rest[1:], "", "")[:2]
    return Target(kind, namespace, name, subresource)


def merged(there: Any, change: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    result = dict(there) if isinstance(there, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def as_sent(body: Any) -> Any:
    """What arrives of a document as JSON: a number without a fraction is a whole one."""
    return _RECEIVED.decode(json.dumps(body))


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


_RECEIVED: Final = json.JSONDecoder(parse_float=_number)


def _verb(method: str, target: Target, content_type: str) -> str:
    reported, named = bool(target.subresource), bool(target.name)
    match method:
        case "GET" if not reported:
            return "get" if named else "list"
        case "POST" if not named and (target.namespace or not target.kind.resource.namespaced):
            return "create"
        case "PUT" if named and (not reported or target.kind.status):
            return "update"
        case "PATCH" if named and not reported and content_type == MERGE_PATCH:
            return "patch"
        case "DELETE" if named and not reported:
            return "delete"
    raise refusals.not_simulated(f"{method} {content_type} of {target}")


def _received(body: Any, api_version: str, kind: str) -> Document:
    document = as_sent(body)
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        raise refusals.bad_request("the document is no object with metadata")
    if (document.get("apiVersion"), document.get("kind")) != (api_version, kind):
        raise refusals.bad_request(f"the document is no {kind} of {api_version}")
    return document


def _same(metadata: Document, field: str, wanted: str) -> None:
    """What the body says of itself has to be what the path says; saying nothing is fine."""
    if wanted and metadata.setdefault(field, wanted) != wanted:
        where = "the name of the object" if field == "name" else "the namespace of the object"
        raise refusals.bad_request(f"{where} ({metadata[field]}) does not match the URL ({wanted})")


def _check_name(kind: Kind, name: str) -> None:
    if not name:
        message = "metadata.name: Required value: name or generateName is required"
        raise refusals.invalid(kind.resource, name, [message])
    if not isinstance(name, str):
        why = f"cannot be handled as a {kind.resource.kind}: ObjectMeta.name is no text"
        raise refusals.bad_request(why)
    if not _NAME.fullmatch(name) or len(name) > 253:
        message = f"metadata.name: Invalid value: {name!r}: a lowercase RFC 1123 subdomain"
        raise refusals.invalid(kind.resource, name, [message])


def _parts(kind: Kind, subresource: str, before: Document, after: Document) -> Document:
    """Status is written by its own subresource, and the rest is not."""
    if subresource:
        status = {"status": after["status"]} if "status" in after else {}
        return {
            **{k: v for k, v in before.items() if k != "status"},
            **status,
            "metadata": dict(before["metadata"]),
        }
    document = {**after, "metadata": dict(after["metadata"])}
    if kind.status:
        document.pop("status", None)
        if "status" in before:
            document["status"] = before["status"]
    return document


def _without_reports(document: Document) -> Document:
    return {k: v for k, v in document.items() if k not in ("metadata", "status")}


def _pod_errors(document: Document) -> list[str]:
    """Raises a refusal where what kubelets rely on is not of its type."""
    spec = document.get("spec") or {}
    if not _is_pod_spec(spec):
        raise refusals.bad_request("Pod in version v1 cannot be handled as a Pod")
    containers = spec.get("containers") or []
    missing = [] if containers else ["spec.containers: Required value"]
    for index, each in enumerate(containers):
        fields = [name for name in ("name", "image") if not each.get(name)]
        missing += [f"spec.containers[{index}].{name}: Required value" for name in fields]
    return missing


def _is_pod_spec(spec: Any) -> bool:
    if not isinstance(spec, dict):
        return False
    containers = spec.get("containers") or []
    return (
        isinstance(spec.get("terminationGracePeriodSeconds") or 0, int)
        and isinstance(containers, list)
        and all(isinstance(each, dict) for each in containers)
        and all(isinstance(e.get(n) or "", str) for e in containers for n in ("name", "image"))
    )


def _continue(revision: int, key: Key) -> str:
    """As the real server spells it: base64 without padding of what follows which name."""
    namespace, name = key
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": f"{namespace}/{name}\0"}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _continued(token: str) -> tuple[int | None, Key]:
    if not token:
        return None, ("", "")
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=="))
        namespace, _, name = found["start"].removesuffix("\0").partition("/")
        revision = int(found["rv"])
    except (ValueError, TypeError, KeyError) as error:
        raise refusals.bad_request("continue key is not valid") from error
    return revision, (namespace, name)
