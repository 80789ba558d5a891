"""What becomes of an operation, asked of whoever checks it: refused by which words, or accepted.

Three are asked, and have to agree on whether it is refused and on the fields that are named: the
real API server, the simulated one with the CRD's rules in CEL beside it (which it leaves out), and
what ``wavegate lint`` says without a cluster.

The real server leaves the rules in CEL out where a document is not even of the right shape; so
does what stands in for it here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from celpy import CELEvalError

from generated.bases import BASES, Object
from generated.operations import Operation, schema_of
from generated.values import Schema
from wavegate.cli import cel
from wavegate.cli.linting import refusals
from wavegate.kube.errors import ApiError
from wavegate.kube.resources import BY_KIND
from wavegate.kube.transport import MERGE_PATCH
from wavegate.simulation.kinds import NAMESPACES, SERVED
from wavegate.simulation.rights import Administrator
from wavegate.simulation.server import Server, as_sent, merged

NEW: Final = "new"
STORED: Final = "stored"
"""Namespaces: of what is created, as a trial, and of what is there to be changed."""

_USER: Final = Administrator("user")
_SHAPELESS: Final = (
    *("Unsupported value", "Required value", "Too long", "Too many", "of type"),
    *("cannot be handled as", "strict decoding"),
)
"""What the server calls errors after which it evaluates no rule."""

_NOT_CHECKED: Final = "some validation rules were not checked"
_PATH: Final = re.compile(r"(?:^|: )((?:spec|metadata)(?:[.\[][^: ]*)?): ")
_UNKNOWN: Final = re.compile(r'unknown field "([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """``says``: a line for each thing that is wrong; nothing where it is accepted."""

    says: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        return bool(self.says)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that are named, by their paths without the keys of maps and lists."""
        return frozenset(_named(each) for each in self.says)

    def agrees_with(self, other: Answer) -> bool:
        """Whether both refuse and name the same field, or one a part of what the other does."""
        if self.refused != other.refused:
            return False
        return not self.refused or any(
            f"{one}.".startswith(f"{two}.") or f"{two}.".startswith(f"{one}.")
            for one in self.fields
            for two in other.fields
        )

    def names(self, operation: Operation) -> bool:
        """Whether the field is named that the operation is about, one above it or one below.

        Or a rule over several fields has its name or its value in its words.
        """
        names = [str(each) for each in operation.path if isinstance(each, str)]
        own = ".".join(names)
        words = [names[-1], *([operation.value] if isinstance(operation.value, str) else [])]
        return any(
            f"{own}.".startswith(f"{each}.") or f"{each}.".startswith(f"{own}.")
            for each in self.fields
        ) or any(word and word in each for word in words for each in self.says)


def _named(line: str) -> str:
    """The path that a line is about: the one in a rule's own words, or the one before all."""
    if found := _UNKNOWN.search(line):
        return _plain(found[1])
    if "ObjectMeta" in line:
        return "metadata"  # the document cannot even be decoded
    paths = _PATH.findall(line)
    return _plain(paths[-1]) if paths else _plain(line.partition(":")[0])


def _plain(path: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", path)


# asked of the real server


def real_answer(code: int, answer: Mapping[str, Any]) -> Answer:
    """From the status and document of an HTTP answer."""
    if code < 300:
        return Answer()
    assert code in (400, 422), answer
    causes = (answer.get("details") or {}).get("causes") or ()
    lines = [f"{each.get('field', '')}: {each['message']}" for each in causes]
    lines = [each for each in lines if _NOT_CHECKED not in each]
    return Answer(tuple(lines or [str(answer["message"])]))


def change_of(operation: Operation) -> Object:
    """The merge patch that makes the base what the operation wants."""
    return dict(_difference(BASES[operation.base], operation.document()))


def _difference(before: Any, after: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone = {name: None for name in before if name not in after}
    return gone | {
        name: _difference(before.get(name), value)
        for name, value in after.items()
        if name not in before or not _is_same(before[name], value)
    }


def _is_same(one: Any, other: Any) -> bool:
    """Equality by which 1 is not true, however deep: in Python it is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[each], other[each]) for each in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# asked of the simulated one, and of what stands in for its rules


class SimulatedServer:
    """A server with the bases in it; what is asked of it leaves it as it was."""

    def __init__(self) -> None:
        self._server = Server(lambda: 1_700_000_000.0, Random(1))
        for name in (NEW, STORED):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._server.request(_USER, "POST", NAMESPACES.collection(), body=body)

    def answer(self, operation: Operation) -> Answer:
        """Of the server and, where the document has its shape, of the rules in CEL."""
        resource, document = BY_KIND[operation.kind], operation.document()
        if operation.verb == "create":
            path = resource.collection(NEW)
            query = {"dryRun": "All", "fieldValidation": "Strict"}
            says = self._said("POST", path, document, query)
            return Answer((*says, *_by_rules(says, document, None)))
        stored, change = self._stored(operation.base), change_of(operation)
        path = resource.object(STORED, stored["metadata"]["name"])
        says = self._said("PATCH", path, change, {}, MERGE_PATCH)
        return Answer((*says, *_by_rules(says, merged(stored, change), stored)))

    def _stored(self, base: str) -> Object:
        """The base as it was stored, whatever has become of it since."""
        document = BASES[base]
        resource, name = BY_KIND[document["kind"]], document["metadata"]["name"]
        there = self._server.store.get(SERVED[document["kind"]], (STORED, name))
        if there is None:
            return self._server.request(_USER, "POST", resource.collection(STORED), body=document)
        path = resource.object(STORED, name)
        return self._server.request(
            _USER, "PUT", path, body={**there, "spec": copy.deepcopy(document["spec"])}
        )

    def _said(self, method: str, path: str, body: Any, query: Any, *content: str) -> list[str]:
        try:
            self._server.request(_USER, method, path, query, body, *content)
        except ApiError as error:
            causes = (error.details or {}).get("causes") or ()
            return [f"{e['field']}: {e['message']}" for e in causes] or [error.message]
        return []


def linted(operation: Operation) -> Answer:
    """What ``wavegate lint`` says of what is created."""
    return Answer(tuple(refusals(operation.document())))


def _by_rules(says: Iterable[str], document: Object, before: Object | None) -> list[str]:
    if any(shapeless in each for each in says for shapeless in _SHAPELESS):
        return []
    return broken(document, before)


def objections(document: Object, before: Object | None) -> list[str]:
    """What is wrong with a document by schema or, where its shape is right, by rule."""
    served = SERVED[document["kind"]].schema
    assert served is not None
    return list(served.errors(_filled(document))) or broken(document, before)


def broken(document: Object, before: Object | None = None) -> list[str]:
    """The rules in CEL that a document breaks, or its change from ``before``."""
    schema, filled = schema_of(document["kind"]), _filled(document)
    try:
        found = list(cel.broken_rules(filled, schema))
    except ValueError:
        return []  # a text that is no duration has no value of which a rule could be asked
    if before is not None:
        found += _broken_by_change(filled, before, schema)
    return list(dict.fromkeys(found))


def _filled(document: Object) -> Any:
    """As it is validated: without what is not known, and with defaults."""
    served = SERVED[document["kind"]].schema
    assert served is not None
    filled = as_sent(document)
    served.prune(filled)
    served.default(filled)
    return filled


def _broken_by_change(after: Any, before: Any, schema: Schema) -> Iterator[str]:
    """Of the rules about a change, where both sides are there; lists are not followed."""
    for rule in schema.get(cel.RULES, ()):
        if "oldSelf" in rule["rule"] and not _holds(rule["rule"], after, before, schema):
            yield str(rule["message"])
    if isinstance(after, dict) and isinstance(before, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in after and name in before:
                yield from _broken_by_change(after[name], before[name], inner)


def _holds(rule: str, after: Any, before: Any, schema: Schema) -> bool:
    known = {"self": cel.to_cel(after, schema), "oldSelf": cel.to_cel(before, schema)}
    try:
        return cel.holds(rule, **known)
    except CELEvalError:
        return False  # values of two types, which the server takes for different
