"""For Argo CD: health and actions, in the form of its own tests, by a real Lua 5.1; examples."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import argocd
from support.kstatus import kstatus
from support.lua import run_script
from wavegate.simulation.schema import Schema

ROOT = Path(__file__).parents[2]
KINDS = ROOT / "gitops" / "argocd" / "resource_customizations" / "wavegate.dev"
pytestmark = pytest.mark.chart

STAMP = re.compile(r"\d{14}")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def cases(file: str, section: str) -> list[Any]:
    found = []
    for path in sorted(KINDS.glob(f"*/{file}")):
        for each in load(path)[section]:
            kind = path.relative_to(KINDS).parts[0]
            name = f"{kind} {each.get('action', '')} {Path(each['inputPath']).stem}"
            found.append(pytest.param(path.parent, each, id=name))
    return found


@pytest.mark.parametrize(("directory", "case"), cases("health_test.yaml", "tests"))
def test_health(directory: Path, case: Any) -> None:
    obj = load(directory / case["inputPath"])
    assert run_script(directory / "health.lua", obj) == case["healthStatus"]


@pytest.mark.parametrize(("directory", "case"), cases("health_test.yaml", "tests"))
def test_kstatus_says_the_same(directory: Path, case: Any) -> None:
    """It knows no Suspended: a job that waits is in progress, one that was stopped is as wanted."""
    obj = load(directory / case["inputPath"])
    stopped = bool(obj["spec"].get("suspend"))
    same = {
        "Progressing": "InProgress",
        "Suspended": "Current" if stopped else "InProgress",
        "Healthy": "Current",
        "Degraded": "Failed",
    }
    assert kstatus([obj]) == [same[case["healthStatus"]["status"]]]


@pytest.mark.parametrize(("directory", "case"), cases("actions/action_test.yaml", "discoveryTests"))
def test_discovery(directory: Path, case: Any) -> None:
    found = run_script(directory / "discovery.lua", load(directory / case["inputPath"]))
    wanted = {each["name"]: {"disabled": each["disabled"]} for each in case["result"]}
    assert found == wanted
    assert set(found) == {path.parent.name for path in directory.glob("*/action.lua")}


@pytest.mark.parametrize(("directory", "case"), cases("actions/action_test.yaml", "actionTests"))
def test_action(directory: Path, case: Any) -> None:
    script = directory / case["action"] / "action.lua"
    made = run_script(script, load(directory / case["inputPath"]))
    if isinstance(made, list):
        for each in made:
            name = each["resource"]["metadata"]["name"]
            each["resource"]["metadata"]["name"] = STAMP.sub("0" * 14, name)
    assert made == load(directory / case["expectedOutputPath"])


def test_the_config_map_has_the_same_scripts() -> None:
    data = load(KINDS.parents[1] / "argocd-cm.yaml")["data"]
    kinds = [path for path in KINDS.iterdir() if path.is_dir()]
    assert len(data) == 2 * len(kinds) == 4
    for kind in kinds:
        key = f"wavegate.dev_{kind.name}"
        health = data[f"resource.customizations.health.{key}"]
        assert health == (kind / "health.lua").read_text()
        actions = yaml.safe_load(data[f"resource.customizations.actions.{key}"])
        assert actions["discovery.lua"] == (kind / "actions" / "discovery.lua").read_text()
        assert {each["name"]: each["action.lua"] for each in actions["definitions"]} == {
            path.parent.name: path.read_text() for path in kind.glob("actions/*/action.lua")
        }


def test_every_action_and_all_test_data_are_used() -> None:
    used = set()
    for path in KINDS.glob("*/health_test.yaml"):
        used |= {path.parent / each["inputPath"] for each in load(path)["tests"]}
    tried = set()
    for path in KINDS.glob("*/actions/action_test.yaml"):
        for each in load(path)["actionTests"]:
            used.add(path.parent / each["expectedOutputPath"])
            tried.add(path.parent / each["action"] / "action.lua")
    assert {path.resolve() for path in used} == set(KINDS.glob("**/testdata/*.yaml"))
    assert tried == set(KINDS.glob("*/actions/*/action.lua"))
    assert len(tried) == 5


def examples() -> list[Any]:
    files = sorted((ROOT / "gitops" / "argocd").glob("application*.yaml"))
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


@pytest.fixture(scope="module")
def schemas() -> dict[str, Schema]:
    """Of the specs of Argo CD's kinds, by kind."""
    found = {}
    for path in argocd.crds():
        # More than a megabyte: too much for the loader that is written in Python.
        spec = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]
        (version,) = spec["versions"]
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        found[spec["names"]["kind"]] = Schema(about_values(properties["spec"]))
    return found


def about_values(schema: Any) -> Any:
    """Without the keyword that speaks of merging alone."""
    if isinstance(schema, list):
        return [about_values(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: about_values(each) for key, each in schema.items() if key != "x-kubernetes-map-type"
    }


@pytest.mark.parametrize("example", examples(), ids=lambda each: each["metadata"]["name"])
def test_the_examples_are_what_argo_cds_own_kinds_take(
    schemas: dict[str, Schema], example: dict[str, Any]
) -> None:
    schema, spec = schemas[example["kind"]], copy.deepcopy(example["spec"])
    assert schema.prune(spec) == []
    assert spec == example["spec"]
    assert list(schema.errors(spec)) == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"generatorz": []}, ["generatorz"]),
        ({"template": {"metadata": {}, "spec": {"projekt": "default"}}}, ["template.spec.projekt"]),
    ],
)
def test_a_field_that_they_do_not_know_would_be_noticed(
    schemas: dict[str, Schema], change: dict[str, Any], wrong: list[str]
) -> None:
    (spec,) = (each["spec"] for each in examples() if each["kind"] == "ApplicationSet")
    assert schemas["ApplicationSet"].prune({**copy.deepcopy(spec), **change}) == wrong


def test_each_cluster_of_the_fleet_gets_operator_and_jobs_in_its_stage() -> None:
    (made,) = (each for each in examples() if each["kind"] == "ApplicationSet")
    template = made["spec"]["template"]
    for source in template["spec"]["sources"]:
        assert (ROOT / source["path"]).is_dir()
    steps = made["spec"]["strategy"]["rollingSync"]["steps"]
    keys = {each["key"] for step in steps for each in step["matchExpressions"]}
    assert keys == template["metadata"]["labels"].keys() == {"stage"}
    # RollingSync syncs by itself, in its order.
    assert "automated" not in template["spec"]["syncPolicy"]
