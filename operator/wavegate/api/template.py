"""The pod template of a job: the few fields that a rule needs, everything else kept as it is.

A full PodTemplateSpec is some 550 KB of schema, so the CRD describes only what it must see: CEL
does not see fields that are merely preserved. The server itself checks the rest, by a dry-run pod
before a version's first wave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from wavegate.api.base import cel, rules
from wavegate.api.names import MAIN_CONTAINER, RESERVED_PREFIX

LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE)]
LABEL_KEYS: Final = "self.all(k, !format.qualifiedName().validate(k).hasValue())"
"""CEL: every key of the map is a valid label key."""


def own_labels(words: str) -> Any:
    """Field ``spec.labels`` of a kind: labels for what is made, none of them the operator's own.

    ``words``: for what they are.
    """
    return Field(
        default_factory=dict,
        max_length=32,
        description=f"{words}; not {RESERVED_PREFIX}.",
        json_schema_extra=rules(
            cel(LABEL_KEYS, "spec.labels: each key must be a valid label key"),
            cel(
                f"self.all(k, !k.startsWith('{RESERVED_PREFIX}'))",
                f"spec.labels: keys that begin with {RESERVED_PREFIX} are reserved",
                reason="FieldValueForbidden",
            ),
        ),
    )


_POD: Final = "spec.template.spec"
_TERMS: Final = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"


def _preserving(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": properties,
    }


_CONTAINER: Final = _preserving(
    "One container; further fields of a pod's container are kept as they are.",
    name={
        "type": "string",
        "description": f"Name of the container; the driver's is {MAIN_CONTAINER}.",
        "minLength": 1,
        "maxLength": 63,
    },
    image={"type": "string", "description": "Image of the container.", "maxLength": 1024},
) | {"required": ["name"]}

_SELECTOR_TERM: Final = _preserving(
    "One term; its matchExpressions about node labels are kept as they are.",
    matchFields={
        "type": "array",
        "description": "Refused: nodes are chosen by spec.selector.",
        "maxItems": 16,
        "x-kubernetes-list-type": "atomic",
        "items": _preserving("A requirement on a field of the node."),
    },
)

_AFFINITY: Final = _preserving(
    "Scheduling constraints; required affinity to node labels narrows the targets.",
    nodeAffinity=_preserving(
        "Affinity to nodes.",
        requiredDuringSchedulingIgnoredDuringExecution=_preserving(
            "What a node must satisfy to be a target.",
            nodeSelectorTerms={
                "type": "array",
                "description": "Terms of which a node must satisfy one.",
                "maxItems": 32,
                "x-kubernetes-list-type": "atomic",
                "items": _SELECTOR_TERM,
            },
        ),
    ),
)

_POD_SPEC: Final = _preserving(
    "The pod's spec; fields that are not described here are kept as they are.",
    restartPolicy={
        "type": "string",
        "description": "Refused: it is spec.restartPolicy of the job.",
        "maxLength": 32,
    },
    nodeName={
        "type": "string",
        "description": "Refused: nodes are chosen by spec.selector.",
        "maxLength": 253,
    },
    activeDeadlineSeconds={
        "type": "integer",
        "format": "int64",
        "description": "Refused: it is spec.timeouts.execution of the job.",
        "minimum": 0,
    },
    containers={
        "type": "array",
        "description": "Containers, by name.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": _CONTAINER,
    },
    affinity=_AFFINITY,
) | {
    "x-kubernetes-validations": [
        cel(
            "!has(self.restartPolicy)",
            f"{_POD}.restartPolicy: is not allowed; set spec.restartPolicy instead",
            field_path=".restartPolicy",
            reason="FieldValueForbidden",
        ),
        cel(
            "!has(self.nodeName)",
            f"{_POD}.nodeName: is not allowed; choose nodes by spec.selector",
            field_path=".nodeName",
            reason="FieldValueForbidden",
        ),
        cel(
            "!has(self.activeDeadlineSeconds)",
            f"{_POD}.activeDeadlineSeconds: is not allowed; set spec.timeouts.execution instead",
            field_path=".activeDeadlineSeconds",
            reason="FieldValueForbidden",
        ),
        cel(
            "!has(self.affinity) || !has(self.affinity.nodeAffinity)"
            f" || !has(self.{_TERMS}) || !has(self.{_TERMS}.nodeSelectorTerms)"
            f" || self.{_TERMS}.nodeSelectorTerms.all(t, !has(t.matchFields))",
            f"{_POD}.affinity: matchFields is not allowed; choose nodes by spec.selector.matchIds",
            field_path=".affinity",
            reason="FieldValueForbidden",
        ),
    ]
}

_METADATA: Final = {
    "type": "object",
    "description": "Labels and annotations for the pods.",
    "properties": {
        "labels": {
            "type": "object",
            "description": f"Labels for the pods; not {RESERVED_PREFIX}.",
            "maxProperties": 32,
            "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE},
            "x-kubernetes-validations": [
                cel(
                    f"self.all(k, !k.startsWith('{RESERVED_PREFIX}'))",
                    f"spec.template.metadata.labels: keys that begin with {RESERVED_PREFIX} are"
                    " reserved",
                    reason="FieldValueForbidden",
                ),
                cel(
                    LABEL_KEYS,
                    "spec.template.metadata.labels: each key must be a valid label key",
                ),
            ],
        },
        "annotations": {
            "type": "object",
            "description": f"Annotations for the pods; not {RESERVED_PREFIX}.",
            "maxProperties": 64,
            "additionalProperties": {"type": "string", "maxLength": 8192},
            "x-kubernetes-validations": [
                cel(
                    f"self.all(k, !k.startsWith('{RESERVED_PREFIX}'))",
                    f"spec.template.metadata.annotations: keys that begin with {RESERVED_PREFIX}"
                    " are reserved",
                    reason="FieldValueForbidden",
                ),
                cel(
                    LABEL_KEYS,
                    "spec.template.metadata.annotations: each key must be a valid annotation key",
                ),
            ],
        },
    },
}

TEMPLATE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"metadata": _METADATA, "spec": _POD_SPEC},
}


def template_problems(template: Mapping[str, Any] | None, *, needs_main: bool) -> list[str]:
    """The template's rules as the CRD has them: ``path: what is wrong``."""
    pod = _mapping(template, "spec")
    found = [
        f"spec.template.{part}: must be an object"
        for part in ("metadata", "spec")
        if not isinstance((template or {}).get(part) or {}, Mapping)
    ]
    if needs_main and not any(
        c.get("name") == MAIN_CONTAINER and c.get("image") for c in _items(pod, "containers")
    ):
        found.append(
            f"{_POD}.containers: type container needs a container named {MAIN_CONTAINER} with an"
            " image"
        )
    for field, instead in (
        ("restartPolicy", "set spec.restartPolicy instead"),
        ("nodeName", "choose nodes by spec.selector"),
        ("activeDeadlineSeconds", "set spec.timeouts.execution instead"),
    ):
        if pod.get(field) is not None:
            found.append(f"{_POD}.{field}: is not allowed; {instead}")
    terms: Mapping[str, Any] = pod
    for part in _TERMS.split("."):
        terms = _mapping(terms, part)
    if any(t.get("matchFields") is not None for t in _items(terms, "nodeSelectorTerms")):
        found.append(
            f"{_POD}.affinity: matchFields is not allowed; choose nodes by spec.selector.matchIds"
        )
    metadata = _mapping(template, "metadata")
    for kind in ("labels", "annotations"):
        found += [
            f"spec.template.metadata.{kind}: {key!r} is reserved"
            for key in _mapping(metadata, kind)
            if key.startswith(RESERVED_PREFIX)
        ]
    return found


def _mapping(parent: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    value = (parent or {}).get(key)
    return value if isinstance(value, Mapping) else {}


def _items(parent: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    value = parent.get(key)
    for item in value if isinstance(value, list) else []:
        if isinstance(item, Mapping):
            yield item
