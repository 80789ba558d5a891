"""Several releases in one cluster, as docs/operations/several-operators.md installs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support.chart import CHART, Document, only, run_helm

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "several-operators.md"
pytestmark = pytest.mark.chart


@pytest.fixture(scope="module")
def releases() -> list[list[Document]]:
    """What each ``helm install`` of the page would make."""
    block = re.search(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    commands = block[1].replace("\\\n", " ").strip().splitlines()
    return [rendered(command) for command in commands]


def rendered(command: str) -> list[Document]:
    words = [word.strip("'") for word in command.split()]
    assert words[:2] == ["helm", "install"]
    assert words[3] == "charts/wavegate"
    done = run_helm("template", words[2], str(CHART), *words[4:])
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_they_share_no_object(releases: list[list[Document]]) -> None:
    first, second = (
        {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
            for each in documents
        }
        for documents in releases
    )
    assert not first & second
    assert len(second) > 8


def test_each_has_its_own_lease_namespaces_and_rights(releases: list[list[Document]]) -> None:
    found = []
    for documents in releases:
        options = operator_of(documents)
        roles = {
            each["metadata"]["namespace"]
            for each in documents
            if each["kind"] == "Role" and not each["metadata"]["name"].endswith("-leader")
        }
        assert roles == set(options["namespace"])
        found.append((options["lease-name"], options["lease-namespace"], sorted(roles)))
    assert found == [
        (["wavegate-a"], ["wavegate-a"], ["shared", "team-a"]),
        (["wavegate-b"], ["wavegate-b"], ["team-b"]),
    ]


def test_the_first_alone_brings_the_kinds_and_the_roles_for_users(
    releases: list[list[Document]],
) -> None:
    kinds = [sum(each["kind"] == "CustomResourceDefinition" for each in made) for made in releases]
    assert kinds == [len(list((ROOT / "crds").glob("*.yaml"))), 0]
    roles = [sum(each["kind"] == "ClusterRole" for each in made) for made in releases]
    assert roles[0] > roles[1] == 1


def operator_of(documents: list[Document]) -> dict[str, list[str]]:
    """The operator's options, by name."""
    (container,) = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    options: dict[str, list[str]] = {}
    for argument in container["args"]:
        name, _, value = argument.removeprefix("--").partition("=")
        options.setdefault(name, []).append(value)
    return options
