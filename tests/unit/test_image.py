"""The parts list of the image: all that the lock installs, in a form that scanners read."""

from __future__ import annotations

import json
import re
import uuid

import image

LOCK = (image.ROOT / "requirements.lock").read_text()


def test_every_locked_package_is_a_part_with_its_hashes() -> None:
    document = image.sbom()
    locked = re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE)
    assert len(locked) > 20
    parts = {each["name"]: each for each in document["components"]}
    assert {(name, each["version"]) for name, each in parts.items()} == set(locked)
    assert parts["kopf"]["purl"] == f"pkg:pypi/kopf@{dict(locked)['kopf']}"
    digests = [each["content"] for part in parts.values() for each in part["hashes"]]
    assert sorted(set(digests)) == sorted(set(re.findall(r"sha256:([0-9a-f]{64})", LOCK)))
    assert all(part["hashes"] for part in parts.values())


def test_it_is_cyclonedx_and_hangs_together() -> None:
    document = image.sbom()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    uuid.UUID(document["serialNumber"].removeprefix("urn:uuid:"))
    references = [each["bom-ref"] for each in document["components"]]
    assert len(set(references)) == len(references)
    (own,) = document["dependencies"]
    assert own["ref"] == document["metadata"]["component"]["bom-ref"]
    assert sorted(own["dependsOn"]) == sorted(references)


def test_the_same_lock_gives_the_same_document() -> None:
    assert json.dumps(image.sbom()) == json.dumps(image.sbom())


def test_image_chart_and_project_have_one_version() -> None:
    chart = (image.ROOT / "charts" / "wavegate" / "Chart.yaml").read_text()
    assert f"appVersion: {image.version()}\n" in chart
    values = (image.ROOT / "charts" / "wavegate" / "values.yaml").read_text()
    assert f"repository: {image.REPOSITORY}\n" in values
