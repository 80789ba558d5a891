"""The page of a kind has every field and every rule's own words, each found by its anchor."""

from __future__ import annotations

import pytest

from wavegate.api.crds import FLEET_DEPLOYMENT, FLEET_JOB, KINDS
from wavegate.api.kind import Kind
from wavegate.reference.fields import fields_of
from wavegate.reference.kinds import kind_page
from wavegate.reference.markdown import anchor

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def section(kind: Kind, path: str) -> str:
    """The text under a field's heading."""
    rest = kind_page(kind).split(f"### `{path}`\n", 1)[1]
    return rest.split("\n#", 1)[0]


@each_kind
def test_every_field_has_its_place_and_its_description(kind: Kind) -> None:
    text = kind_page(kind)
    for each in fields_of(kind):
        if each.path.startswith("status."):
            assert f'<a id="{anchor(each.path)}"></a>`{each.path}` |' in text, each.path
        elif each.path != "status":
            assert f"\n### `{each.path}`\n" in text, each.path
            assert f"| [`{each.path}`](#{anchor(each.path)}) |" in text, each.path
        assert each.path == "status" or each.schema.get("description", "") in text, each.path


@each_kind
def test_every_rule_s_words_stand_under_its_field(kind: Kind) -> None:
    for each in fields_of(kind):
        for rule in each.rules:
            assert f": “{rule.message}”" in section(kind, each.path), each.path


@each_kind
def test_columns_and_selectable_fields_are_told(kind: Kind) -> None:
    text = kind_page(kind)
    assert all(f"| `{column.path.lstrip('.')}` |" in text for column in kind.columns)
    assert all(f"`{path.lstrip('.')}`" in text for path in kind.selectable)


@pytest.mark.parametrize(
    ("kind", "path", "says"),
    [
        (FLEET_JOB, "spec.type", "required · cannot be changed"),
        (FLEET_JOB, "spec.type", "- On a change: “spec.type: cannot be changed;"),
        (FLEET_JOB, "spec.priority", "*integer · default: `50`*"),
        (FLEET_JOB, "spec.priority", "- Refused: a number below 0 or above 100."),
        (FLEET_JOB, "spec.rollout.maxParallel", "default: `10%`"),
        (FLEET_DEPLOYMENT, "spec.rollout.maxParallel", "default: as in the version"),
        (FLEET_DEPLOYMENT, "spec.rollout.healthCheck.interval", "default: `10s`"),
        (FLEET_DEPLOYMENT, "spec.promoted", "- On a change: “spec.promoted: cannot be taken back”"),
    ],
)
def test_what_a_section_says(kind: Kind, path: str, says: str) -> None:
    assert says in section(kind, path)
