"""The overlay of ``spec.template`` on a driver's pod.

Maps merge, key by key. Lists whose entries have a name merge by it: containers field by field;
env, volumes, volume mounts and ports entry by entry, because such an entry is one choice (a value
*or* a reference, a Secret *or* a directory) and a mixture of two would be refused. For the same
reason a probe that names a handler drops the other one. Any other list, and any scalar, replaces.

Invariants: an empty template changes nothing; laying the same template twice is laying it once; a
null is a field that is not set. Of several entries with one key the last counts, as the kubelet
has it for env. What is no list of named entries is passed on as it is: the server says why not.

>>> overlay({"spec": {"hostNetwork": False}}, {"spec": {"priority": 7}})
{'spec': {'hostNetwork': False, 'priority': 7}}
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

Entry = dict[str, Any]
Key = Callable[[Entry], Hashable | None]
Merge = Callable[[Entry, Entry], Entry]

_PROBES: Final = frozenset({"livenessProbe", "readinessProbe", "startupProbe"})
_HANDLERS: Final = frozenset({"exec", "grpc", "httpGet", "tcpSocket"})


def overlay(pod: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """A new pod: ``pod`` with everything that ``template`` sets. Neither is changed or shared."""
    return _merged_maps(_without_nulls(pod), _without_nulls(template))


def _merged_maps(base: Entry, over: Entry) -> Entry:
    merged = dict(base)
    for name, value in over.items():
        merged[name] = _merged(name, merged.get(name), value)
    return merged


def _merged(name: str, base: Any, over: Any) -> Any:
    if isinstance(over, dict):
        kept: Entry = base if isinstance(base, dict) else {}
        if name in _PROBES and over.keys() & _HANDLERS:
            kept = {key: value for key, value in kept.items() if key not in _HANDLERS}
        return _merged_maps(kept, over)
    if isinstance(over, list) and name in _KEYS:
        return _merged_lists(base, over, *_KEYS[name])
    return over


def _merged_lists(base: Any, over: list[Any], key: Key, merge: Merge) -> list[Any]:
    if not _all_have_keys(over, key):
        return over
    merged: dict[Hashable | None, Entry] = {}
    for entry in (*base, *over) if _all_have_keys(base, key) else over:
        merged[key(entry)] = merge(merged.get(key(entry), {}), entry)
    return list(merged.values())


def _all_have_keys(entries: Any, key: Key) -> bool:
    return isinstance(entries, list) and all(
        isinstance(each, dict) and key(each) is not None for each in entries
    )


def _replace(_: Entry, over: Entry) -> Entry:
    return over


def _by(field: str) -> Key:
    def key(entry: Entry) -> Hashable | None:
        value = entry.get(field)
        return value if isinstance(value, str) else None

    return key


def _by_port(entry: Entry) -> Hashable | None:
    port = entry.get("containerPort")
    protocol = entry.get("protocol", "TCP")
    return (port, protocol) if isinstance(port, int) and isinstance(protocol, str) else None


def _without_nulls(value: Any) -> Any:
    """A deep copy without the members of maps that are null."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


_KEYS: Final[Mapping[str, tuple[Key, Merge]]] = {
    "containers": (_by("name"), _merged_maps),
    "initContainers": (_by("name"), _merged_maps),
    "env": (_by("name"), _replace),
    "volumes": (_by("name"), _replace),
    "volumeMounts": (_by("mountPath"), _replace),
    "ports": (_by_port, _replace),
}
"""How entries of a list are told apart and what becomes of two with the same key."""
