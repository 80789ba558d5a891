"""FleetJob: what a user wants on which nodes. The spec, and the loader used at the edge.

Specs come from the API server, whose CRD has refused most mistakes already. The loader checks
again, because an object may have been stored by another release: a field that this one does not
know must become a condition, never a crash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError

from wavegate.api.base import AnyObject, MetaValue, Model, NodeName, cel, listing, rules
from wavegate.api.fleet_runs import FleetRuns
from wavegate.api.names import MAIN_CONTAINER, RESERVED_PREFIX
from wavegate.api.nesting import MOST, holds_more, nested_beyond
from wavegate.api.rollout import HealthCheck, Rollout, rollout_problems
from wavegate.api.template import (
    LABEL_KEYS,
    TEMPLATE_SCHEMA,
    LabelValue,
    own_labels,
    template_problems,
)
from wavegate.api.timeouts import Timeouts
from wavegate.api.trigger import Trigger

JobType = Literal["pipeline", "container", "query", "update", "config"]
RestartPolicy = Literal["OnFailure", "Always", "Never"]

ONE_SHOT_TYPES: Final = ("query", "update", "config")
"""Types that run to completion, once for each node and workload."""

MAX_CONFIG_BYTES: Final = 256 * 1024
MIN_TIMEOUT: Final = 1.0
MAX_TIMEOUT: Final = 8760 * 3600.0

_ONE_SHOT: Final = f"self.type in {list(ONE_SHOT_TYPES)}"
_NEVER_BACK: Final = "is not for a type that runs to completion: it is never rolled back"
_ONLY_DEADLINE: Final = (
    "only its deadline is for a type that runs to completion: it has ended well by then, or failed"
)
_ASKED: Final = "is only for query, update and config: other types run on, not when asked"
_DEADLINE: Final = (
    "is required for the strategies Rolling and Canary: say how long a node may take to become"
    " healthy, such as 5m"
)

_MOST_FIELDS: Final = 100
MAX_VALUES: Final = 20_000
"""In one field: as many as a payloadSchema of 32 KiB may have, and as the addresses that fit into a
config. To compare, hash and render all that 256 KiB may hold (125,000 numbers, 30,000 objects)
would keep everything else waiting for longer than 100 ms."""
_MOST_PROBLEMS: Final = 100
_MOST_OF_A_NAME: Final = 100
"""Characters of the name of a field that are told."""

__all__ = [
    "MAX_CONFIG_BYTES",
    "MAX_VALUES",
    "ONE_SHOT_TYPES",
    "FleetJobSpec",
    "HealthCheck",
    "InvalidSpec",
    "JobType",
    "RestartPolicy",
    "Rollout",
    "Selector",
    "Timeouts",
    "config_size",
    "field_problems",
    "job_problems",
    "load_job_spec",
    "spec_document",
]

_KEY = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
EXPRESSION_PATTERN: Final = (
    rf"^\s*({_KEY}\s*(=|==|!=)\s*{_VALUE}"
    rf"|{_KEY}\s+(in|notin)\s*\(\s*{_VALUE}(\s*,\s*{_VALUE})*\s*\)"
    rf"|!?\s*{_KEY})\s*$"
)
"""The seven forms of a match expression: ``k=v k==v k!=v k in (a,b) k notin (a,b) k !k``."""

_EXPRESSION = re.compile(EXPRESSION_PATTERN)
EXPRESSION_FORMS: Final = "write k=v, k==v, k!=v, k in (a,b), k notin (a,b), k or !k"


def expression(text: str) -> str:
    """The text, if it is one of the seven forms. Raises ValueError."""
    if not _EXPRESSION.fullmatch(text):
        raise ValueError(f"{text!r} is not a match expression: {EXPRESSION_FORMS}")
    return text


Expression = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=rules(
            cel(
                f"self.matches(r'{EXPRESSION_PATTERN}')",
                f"spec.selector.matchExpressions: {EXPRESSION_FORMS}",
            )
        ),
    ),
    AfterValidator(expression),
]


class Selector(Model):
    """Which nodes; all that is given must hold, and nothing given selects every node."""

    match_labels: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Labels that a node must have, with exactly these values.",
        json_schema_extra=rules(
            cel(LABEL_KEYS, "spec.selector.matchLabels: each key must be a valid label key")
        ),
    )
    match_expressions: list[Expression] = Field(
        default_factory=list,
        max_length=32,
        description="Expressions that must all hold: k=v, k==v, k!=v, k in (a,b), k notin (a,b),"
        " k, !k. != and notin also match nodes without the key.",
        json_schema_extra=listing("atomic"),
    )
    match_ids: list[NodeName] = Field(
        default_factory=list,
        max_length=1000,
        description="Names of nodes, of which the node must be one; empty means any.",
        json_schema_extra=listing("set"),
    )


class FleetJobSpec(Model):
    """What runs, on which nodes, and how a new version of it spreads."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.type == 'container' || has(self.config)",
                "spec.config: is required for every type but container",
                field_path=".config",
                reason="FieldValueRequired",
            ),
            cel(
                f"!({_ONE_SHOT}) || self.restartPolicy != 'Always'",
                "spec.restartPolicy: Always is not for a type that runs to completion; give"
                " OnFailure or Never",
                field_path=".restartPolicy",
            ),
            cel(
                f"{_ONE_SHOT} || !has(self.rollout.strategy)"
                " || self.rollout.strategy == 'Immediate' || (has(self.rollout.healthCheck)"
                " && has(self.rollout.healthCheck.deadline))",
                f"spec.rollout.healthCheck.deadline: {_DEADLINE}",
                field_path=".rollout",
                reason="FieldValueRequired",
            ),
            cel(
                f"!({_ONE_SHOT}) || !has(self.rollout.rollbackParallel)",
                f"spec.rollout.rollbackParallel: {_NEVER_BACK}",
                field_path=".rollout.rollbackParallel",
                reason="FieldValueForbidden",
            ),
            cel(
                f"!({_ONE_SHOT}) || !has(self.rollout.healthCheck)"
                " || (!has(self.rollout.healthCheck.successThreshold)"
                " && !has(self.rollout.healthCheck.minHealthyTime)"
                " && !has(self.rollout.healthCheck.errorRate)"
                " && self.rollout.healthCheck.interval == duration('10s')"
                " && self.rollout.healthCheck.maxErrorRate == 0.1"
                " && self.rollout.healthCheck.failureThreshold == 3"
                " && has(self.rollout.healthCheck.deadline))",
                f"spec.rollout.healthCheck: {_ONLY_DEADLINE}",
                field_path=".rollout.healthCheck",
                reason="FieldValueForbidden",
            ),
            *(
                cel(
                    f"{_ONE_SHOT} || !has(self.{section})",
                    f"spec.{section}: {_ASKED}",
                    field_path=f".{section}",
                    reason="FieldValueForbidden",
                )
                for section in ("runs", "trigger")
            ),
            cel(
                "self.type != 'container' || (has(self.template) && has(self.template.spec)"
                " && has(self.template.spec.containers) && self.template.spec.containers.exists(c,"
                f" c.name == '{MAIN_CONTAINER}' && has(c.image) && c.image != ''))",
                "spec.template.spec.containers: type container needs a container named"
                f" {MAIN_CONTAINER} with an image",
                field_path=".template",
                reason="FieldValueRequired",
            ),
        )
    )

    type: JobType = Field(
        description="What kind of work this is: pipeline (a document for the administrator's"
        " pipeline engine) or container (the template as it is), which run on; query (a command"
        " and its result), update (a command that changes the node, one node at a time unless"
        " maxParallel says otherwise) or config (files written onto the node), which run to"
        " completion once on each node. Cannot be changed.",
        json_schema_extra=rules(
            cel("self == oldSelf", "spec.type: cannot be changed; make a job of another name")
        ),
    )
    config: AnyObject | None = Field(
        default=None,
        description="The driver's own document, kept as it is; at most 256 KiB and 20,000 values,"
        " and no secrets."
        " Required for every type but container. query: command (a list) and env (names and"
        " texts). update: the same, and cordon (true: the node is cordoned first and opened again"
        " afterwards). config: files, a list of path, content and mode (octal digits, 0644 where"
        " not given), inside directories that the administrator allowed.",
    )
    description: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Text for people; changing it makes no version."
    )
    labels: dict[str, LabelValue] = own_labels("Labels for executions and pods")
    meta: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Free metadata, never interpreted. Changing a key makes a version, unless it"
        f" begins with {RESERVED_PREFIX}.",
        json_schema_extra=rules(
            cel("self.all(k, k.size() <= 317)", "spec.meta: each key must have at most 317 bytes")
        ),
    )
    priority: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Higher goes first where many jobs wait, from 0 to 100.",
        json_schema_extra={"format": "int32"},
    )
    restart_policy: RestartPolicy = Field(
        default="OnFailure",
        description="What happens when the main process ends: OnFailure (again unless it ended"
        " well), Always (not for types that run to completion) or Never.",
    )
    revision_history_limit: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="How many old versions, with their deployments, are kept beside those that"
        " run, are stable or have an open deployment. Changing it makes no version.",
        json_schema_extra={"format": "int32"},
    )
    selector: Selector = Field(
        default_factory=Selector,
        description="Which nodes the job runs on; without it, every node.",
    )
    timeouts: Timeouts = Field(
        default_factory=Timeouts,
        description="How long a version may wait, run and be tried again.",
    )
    rollout: Rollout = Field(
        default_factory=Rollout,
        description="How a new version spreads over the nodes.",
        json_schema_extra={"default": {}},
    )
    runs: FleetRuns | None = Field(
        default=None,
        description="Given, if only as {}, the job is executed when asked: once over its nodes for"
        " each JobRun that names it, and what holds for these runs stands here. A new version then"
        " rolls out nowhere by itself. Only for types that run to completion.",
    )
    trigger: Trigger | None = Field(
        default=None,
        description="When runs are made by themselves, and when they may start. Given, the job is"
        " executed when asked, as with runs. Only for types that run to completion.",
    )
    suspend: bool = Field(
        default=False,
        description="While true, every execution is stopped. Turned off again, every node starts"
        " at once on the version that it was last stable on. Of a job that is executed when asked:"
        " no run starts, and runs that execute go on.",
    )
    template: AnyObject | None = Field(
        default=None,
        description="A pod template: the whole pod for type container, an overlay of the driver's"
        " pod for the others (containers merge by name, env by name, volume mounts by path; other"
        f" lists replace). The driver's container is named {MAIN_CONTAINER}. Fields of a"
        " PodTemplateSpec that are not described here are kept as they are.",
        json_schema_extra=TEMPLATE_SCHEMA,
    )

    @property
    def is_asked(self) -> bool:
        """Whether it is executed when asked, by runs, and not by a rollout of each version."""
        return self.runs is not None or self.trigger is not None


class InvalidSpec(ValueError):
    """A spec that this release cannot work with; ``problems`` has ``field: what is wrong``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_job_spec(raw: object) -> FleetJobSpec:
    """The model of a FleetJob's ``spec`` as the API server returned it.

    Raises InvalidSpec with one line for each field that is wrong, unknown or missing.
    """
    document = spec_document(raw)
    try:
        spec = FleetJobSpec.model_validate(document)
    except ValidationError as error:
        raise InvalidSpec(field_problems(error, "spec")) from error
    if found := job_problems(spec):
        raise InvalidSpec(found)
    return spec


def spec_document(raw: object) -> dict[str, Any]:
    """A stored ``spec`` that can be looked at without fear of its size; else raises InvalidSpec."""
    if not isinstance(raw, Mapping):
        raise InvalidSpec(["spec: is required and must be an object"])
    document = dict(raw)
    if len(document) > _MOST_FIELDS:
        raise InvalidSpec([f"spec: has {len(document)} fields; at most {_MOST_FIELDS} are read"])
    for name, value in document.items():
        if holds_more(value, MAX_VALUES):
            problem = f"holds more than {MAX_VALUES} values"
        elif nested_beyond(value, MOST - 1):
            problem = f"is nested more than {MOST} levels deep"
        else:
            continue
        raise InvalidSpec([f"spec.{name[:_MOST_OF_A_NAME]}: {problem}"])
    return document


def config_size(spec: FleetJobSpec) -> int:
    """Bytes of ``config`` as compact JSON; compare with MAX_CONFIG_BYTES (the CRD cannot)."""
    if spec.config is None:
        return 0
    return len(json.dumps(spec.config, separators=(",", ":"), ensure_ascii=False).encode())


def job_problems(spec: FleetJobSpec) -> list[str]:
    """The rules that span several fields, as the CRD has them: ``path: what is wrong``."""
    found = rollout_problems(spec.rollout) + _problems_of_type(spec)
    for name in Timeouts.model_fields:
        seconds = getattr(spec.timeouts, name)
        if seconds and not MIN_TIMEOUT <= seconds <= MAX_TIMEOUT:
            found.append(f"spec.timeouts.{name}: must be 0s (none) or between 1s and 8760h")
    found += [
        f"spec.labels: {key!r} is reserved"
        for key in spec.labels
        if key.startswith(RESERVED_PREFIX)
    ]
    found += template_problems(spec.template, needs_main=spec.type == "container")
    return found


def _problems_of_type(spec: FleetJobSpec) -> list[str]:
    found: list[str] = []
    rollout, health = spec.rollout, spec.rollout.health_check
    if spec.type != "container" and spec.config is None:
        found.append(f"spec.config: is required for type {spec.type}")
    if spec.type not in ONE_SHOT_TYPES:
        sections = {"runs": spec.runs, "trigger": spec.trigger}
        found += [f"spec.{name}: {_ASKED}" for name, given in sections.items() if given is not None]
        waves = rollout.strategy in ("Rolling", "Canary")
        if waves and (health is None or health.deadline is None):
            found.append(f"spec.rollout.healthCheck.deadline: {_DEADLINE}")
        return found
    if spec.restart_policy == "Always":
        found.append(f"spec.restartPolicy: Always is not for type {spec.type}")
    if rollout.rollback_parallel is not None:
        found.append(f"spec.rollout.rollbackParallel: {_NEVER_BACK}")
    if health is not None and health != HealthCheck(deadline=health.deadline or 1.0):
        found.append(f"spec.rollout.healthCheck: {_ONLY_DEADLINE}")
    return found


_UNION_BRANCH = re.compile(r"(?:int|str|float|constrained-\w+|function-.*)\Z")


def field_problems(error: ValidationError, root: str) -> list[str]:
    """A line for each field that a model refused: ``path: what is wrong``, paths below ``root``.

    Of the first hundred; more than these nobody reads.
    """
    lines: dict[str, str] = {}
    found = error.errors(include_url=False, include_context=False, include_input=False)
    for item in found[:_MOST_PROBLEMS]:
        path = root
        for part in item["loc"]:
            if isinstance(part, int):
                path += f"[{part}]"
            elif not _UNION_BRANCH.match(part):
                path += f".{part[:_MOST_OF_A_NAME]}"
        match item["type"]:
            case "extra_forbidden":
                text = "is not known to this release"
            case "missing":
                text = "is required"
            case _:
                text = item["msg"].removeprefix("Value error, ")
        lines.setdefault(path, f"{path}: {text[:1].lower()}{text[1:]}")
    if len(found) > _MOST_PROBLEMS:
        lines[""] = f"{root}: {len(found) - _MOST_PROBLEMS} more mistakes"
    return list(lines.values())
