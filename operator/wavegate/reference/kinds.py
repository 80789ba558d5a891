"""The page of a kind: every field that may be written, then every field that is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from wavegate.api.crds import FLEET_DEPLOYMENT, FLEET_JOB
from wavegate.api.kind import Kind
from wavegate.api.names import API_VERSION
from wavegate.reference.fields import Field, fields_of
from wavegate.reference.filled import ROOT, filled_defaults
from wavegate.reference.markdown import anchor, page, table
from wavegate.reference.words import refusals, type_of, value

WRITERS: Final = {
    "FleetJob": "you write spec, the operator writes status",
    "FleetDeployment": "the operator makes one for each rollout; `paused`, `promoted` and"
    " `canceled` are yours",
    "HTTPJob": "you write spec, the operator writes status",
    "JobRun": "you, or the operator for a tick of a schedule; the operator writes status",
    "RateLimitPool": "you",
    "RunBatch": "you",
}
_WRITTEN: Final = "What may be written"
_REPORTED: Final = "What is reported"
_COLUMNS: Final = "What kubectl get shows"
_ELSE: Final = "the operator; nobody else should"


def kind_page(kind: Kind) -> str:
    """The whole page, ending with a newline."""
    fields = fields_of(kind)
    defaults = Defaults(kind)
    spec = [each for each in fields if not each.path.startswith("status")]
    status = [each for each in fields if each.path.startswith("status.")]
    parts = (_WRITTEN, _REPORTED, _COLUMNS) if status else (_WRITTEN, _COLUMNS)
    return page(
        f"# {kind.kind}",
        kind.description,
        table(("", ""), list(_facts(kind))),
        " · ".join(f"[{each}](#{anchor(each)})" for each in parts)
        + " · [Refused values](README.md#refused-values)",
        f"## {_WRITTEN}",
        table(("field", "type", "default"), [_row(each, defaults) for each in spec]),
        *(section for each in spec for section in _section(each, defaults)),
        *_reports(status),
        f"## {_COLUMNS}",
        table(("column", "shows", "what it says"), list(_columns(kind))),
        *_selectable(kind),
    )


def _reports(status: Sequence[Field]) -> Iterator[str]:
    """Nothing for a kind of which nothing is reported."""
    if status:
        yield f"## {_REPORTED}"
        yield table(("field", "type", "what it says"), [_reported(each) for each in status])


class Defaults:
    """The default of each field, by the schema or filled in by the operator."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._filled = filled_defaults() if kind in (FLEET_JOB, FLEET_DEPLOYMENT) else {}

    def of(self, field: Field) -> str:
        """In words; empty: none."""
        if "default" in field.schema:
            return value(field.schema["default"])
        own = self._kind is FLEET_DEPLOYMENT and field.path.rpartition(".")[0] == ROOT
        return "as in the version" if own else self._filled.get(field.path, "")


def _facts(kind: Kind) -> Iterator[tuple[str, str]]:
    yield "apiVersion", f"`{API_VERSION}`"
    yield "kubectl", f"`kubectl get {kind.short}`, `kubectl get {kind.plural}`"
    yield "written by", WRITERS.get(kind.kind, _ELSE)


def _row(field: Field, defaults: Defaults) -> tuple[str, str, str]:
    default = "required" if field.required else defaults.of(field)
    return f"[`{field.path}`](#{anchor(field.path)})", type_of(field.schema), default


def _section(field: Field, defaults: Defaults) -> Iterator[str]:
    yield f"### `{field.path}`"
    facts = [type_of(field.schema)]
    default = defaults.of(field)
    facts += ["required"] if field.required else [f"default: {default}"] if default else []
    facts += ["cannot be changed"] if field.immutable else []
    yield f"*{' · '.join(facts)}*"
    if "description" in field.schema:
        yield field.schema["description"]
    refused = "; ".join(refusals(field.schema))
    lines = [f"- Refused: {refused}."] if refused else []
    for rule in field.rules:
        when = "On a change" if rule.compares else "Refused with"
        lines.append(f"- {when}: “{rule.message}”")
    if lines:
        yield "\n".join(lines)


def _reported(field: Field) -> tuple[str, str, str]:
    name = f'<a id="{anchor(field.path)}"></a>`{field.path}`'
    return name, type_of(field.schema), str(field.schema.get("description", ""))


def _columns(kind: Kind) -> Iterator[tuple[str, str, str]]:
    for column in kind.columns:
        wide = " (with `-o wide`)" if column.wide else ""
        yield f"{column.name.upper()}{wide}", f"`{column.path.lstrip('.')}`", column.description


def _selectable(kind: Kind) -> Sequence[str]:
    if not kind.selectable:
        return ()
    fields = [path.lstrip(".") for path in kind.selectable]
    names = ", ".join(f"`{each}`" for each in fields)
    example = f"`kubectl get {kind.short} --field-selector {fields[0]}=NAME`"
    return (f"The server finds objects by {names}, for example {example}.",)
