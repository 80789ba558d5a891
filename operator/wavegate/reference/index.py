"""The first page of the reference: where to find a field, and what a refusal looks like."""

from __future__ import annotations

from typing import Final

from wavegate.api.crds import FLEET_JOB, HTTP_JOB, KINDS
from wavegate.api.kind import Kind
from wavegate.reference.fields import fields_of
from wavegate.reference.markdown import anchor, page, table

CONCEPTS: Final = (
    "versions",
    "types",
    "waves",
    "gates",
    "budgets",
    "blame",
    "rollback",
    "states",
    "runs",
    "calls",
    "limits",
    "schedules",
    "dependencies",
    "health",
    "webhooks",
    "fleet-runs",
    "batches",
)

_REFUSALS: Final = (
    "The API server itself refuses a wrong value, whoever sends it, and names the field:"
)

_EXAMPLES: Final = """\
```text
$ kubectl apply -f job.yaml
The FleetJob "telemetry" is invalid:
* spec.priority: Invalid value: 101: spec.priority in body should be less than or equal to 100
* spec.restartPolicy: Unsupported value: "Often": supported values: "OnFailure", "Always", "Never"
* <nil>: Invalid value: null: some validation rules were not checked because the object was\
 invalid; correct the existing errors to complete validation
```"""

_MORE: Final = """\
A value of another type, a field that does not exist (kubectl asks for strict validation; other
clients may get a warning instead) and a required field left out are refused likewise; the pages do
not repeat it. «On a change» stands before the words that a change of a stored object gets. In paths
`[]` stands for each item of a list. A default is stored with the object unless the page says that
it depends on something: then it is filled in by the operator and shown in the FleetDeployment's
`status.resolved.rollout`."""


def index_page() -> str:
    """The whole page, ending with a newline."""
    return page(
        "# Reference",
        "Every field of every kind, and every option of the operator. What they are for is told in"
        f" the concepts: {', '.join(f'[{name}](../concepts/{name}.md)' for name in CONCEPTS)}.",
        table(("page", "one object is"), [_row(kind.kind, kind.description) for kind in KINDS]),
        "The operator's options: [operator.md](operator.md). What it may do, and why:"
        " [permissions.md](permissions.md). What it tells: [metrics.md](metrics.md),"
        " [events.md](events.md). The command line: [cli.md](cli.md).",
        "## Refused values",
        _REFUSALS,
        _EXAMPLES,
        _MORE,
        "## Which fields does a FleetJob have?",
        _short(FLEET_JOB),
        "## Which fields does an HTTPJob have?",
        _short(HTTP_JOB),
    )


def _row(kind: str, description: str) -> tuple[str, str]:
    return f"[{kind}]({kind.lower()}.md)", description


def _short(kind: Kind) -> str:
    """The spec's fields as a list of links, those of the pod template left to its page."""
    paths = [each.path for each in fields_of(kind) if each.path.startswith("spec.")]
    wanted = [path for path in paths if not path.startswith("spec.template.")]
    target = f"{kind.kind.lower()}.md"
    return " · ".join(f"[`{path}`]({target}#{anchor(path)})" for path in wanted)
