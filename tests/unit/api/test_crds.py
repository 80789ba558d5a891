"""The CRDs: as the models have them, bounded, described, and small enough to be applied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from wavegate.api import crds
from wavegate.api.crds import KINDS, crd, drifted, main, render
from wavegate.api.kind import Kind

CRDS = Path(__file__).parents[3] / "crds"
PRESERVE = "x-kubernetes-preserve-unknown-fields"

Node = tuple[str, dict[str, Any]]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def root(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk(node: dict[str, Any], path: str) -> Iterator[Node]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from walk(node["additionalProperties"], f"{path}{{}}")


def nodes(kind: Kind) -> list[Node]:
    """All of spec and status; the root's other fields are the API server's own."""
    properties = root(kind)["properties"]
    parts = [part for part in ("spec", "status") if part in properties]
    return [node for part in parts for node in walk(properties[part], part)]


def test_the_files_are_as_the_models_have_them() -> None:
    assert drifted(CRDS) == [], f"repair with: {crds.REPAIR}"


def test_check_says_what_drifted_and_what_repairs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--out", str(tmp_path), "--check"]) == 0
    changed = tmp_path / "wavegate.dev_fleetjobs.yaml"
    changed.write_text(changed.read_text().replace("priority", "urgency"))
    (tmp_path / "wavegate.dev_executions.yaml").unlink()
    shutil.copy(changed, tmp_path / "wavegate.dev_olds.yaml")
    assert main(["--out", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().err
    assert crds.REPAIR in said
    for name in ("fleetjobs", "executions", "olds"):
        assert f"wavegate.dev_{name}.yaml" in said
    assert "jobversions" not in said
    assert main(["--out", str(tmp_path)]) == 0
    assert drifted(tmp_path) == []


@each_kind
def test_a_file_is_less_than_100_kb_and_reads_back(kind: Kind) -> None:
    text = render(kind)
    assert len(text.encode()) < 100_000
    assert yaml.safe_load(text) == crd(kind)


@each_kind
def test_every_field_is_described(kind: Kind) -> None:
    inside = [(path, node) for path, node in nodes(kind) if not path.endswith(("{}", "[]"))]
    objects = [(p, n) for p, n in nodes(kind) if p.endswith("[]") and n.get("type") == "object"]
    assert [path for path, node in inside + objects if not node.get("description")] == []
    assert root(kind)["description"]


@each_kind
def test_every_string_list_and_map_is_bounded(kind: Kind) -> None:
    unbounded = []
    for path, node in nodes(kind):
        match node.get("type"):
            case "string":
                good = "maxLength" in node or "enum" in node
            case "array":
                good = "maxItems" in node and "items" in node
            case "object":
                good = (
                    "properties" in node
                    or PRESERVE in node
                    or ("additionalProperties" in node and "maxProperties" in node)
                )
            case "integer":
                good = "minimum" in node and node["format"] in ("int32", "int64")
                good = good and ("maximum" in node or node["format"] == "int64")
            case "number":
                good = "minimum" in node
            case "boolean":
                good = True
            case _:
                good = "x-kubernetes-int-or-string" in node and "maxLength" in node
        if not good:
            unbounded.append(path)
    assert unbounded == []


@each_kind
def test_every_list_says_how_it_is_merged(kind: Kind) -> None:
    for path, node in nodes(kind):
        if node.get("type") != "array":
            continue
        match node["x-kubernetes-list-type"]:
            case "map":
                keys = node["x-kubernetes-list-map-keys"]
                assert set(keys) <= set(node["items"]["required"]), path
            case "set" | "atomic":
                pass
            case other:
                pytest.fail(f"{path}: {other}")


@each_kind
def test_no_default_inside_a_list(kind: Kind) -> None:
    assert [path for path, node in nodes(kind) if "[]" in path and "default" in node] == []


@each_kind
def test_a_status_has_neither_rules_nor_invented_values(kind: Kind) -> None:
    for path, node in nodes(kind):
        if path.startswith("status"):
            assert "x-kubernetes-validations" not in node, path
            if path != "status":
                assert "default" not in node, path


@each_kind
def test_nothing_that_a_structural_schema_must_not_have(kind: Kind) -> None:
    for path, node in nodes(kind):
        assert not {"$ref", "title", "oneOf", "const", "nullable"} & node.keys(), path


@each_kind
def test_a_rules_message_begins_with_its_field(kind: Kind) -> None:
    for path, node in [("", root(kind)), *nodes(kind)]:
        for rule in node.get("x-kubernetes-validations", []):
            begins = rule["message"].partition(":")[0]
            field = path.replace("[]", "").replace("{}", "")
            # Those of the whole object are about its name, or about spec and status together.
            assert begins.startswith(field or ("metadata.", "spec.")), f"{path}: {rule['message']}"
            assert rule["reason"]


@each_kind
def test_the_spec_is_required_so_that_no_rule_is_gone_round(kind: Kind) -> None:
    assert root(kind)["required"] == ["spec"]


@pytest.mark.parametrize(
    ("plural", "short", "default"),
    [
        ("fleetjobs", "fj", {"observedGeneration": -1}),
        ("jobversions", "jv", None),
        ("fleetdeployments", "fd", {"observedGeneration": -1}),
        (
            "executions",
            "ex",
            {
                "observedState": {
                    "stateType": "Pending",
                    "message": "nothing is known of its pod yet",
                }
            },
        ),
    ],
)
def test_names_and_what_a_new_object_reports(plural: str, short: str, default: Any) -> None:
    [kind] = [kind for kind in KINDS if kind.plural == plural]
    names = crd(kind)["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == ([short], ["wavegate"])
    assert root(kind)["properties"]["status"].get("default") == default


def test_nothing_is_in_the_schema_before_it_works() -> None:
    [job] = [root(kind) for kind in KINDS if kind.kind == "FleetJob"]
    spec = job["properties"]["spec"]["properties"]
    assert spec["type"]["enum"] == ["pipeline", "container", "query", "update", "config"]
    assert not {"secrets", "secretProviders"} & spec.keys()
