"""Job type config: which files are taken, and what of the node a pod sees."""

from __future__ import annotations

import pytest

from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.config import ConfigDriver
from wavegate.drivers.document import DocumentError

pytestmark = pytest.mark.row("spec.config")

DRIVER = ConfigDriver()
ALLOWED = PlanSettings(config_directories=("/etc/app", "/opt/wide", "/opt/wide/deep"))


def config(*paths, **more) -> FleetJobSpec:
    files = [{"path": path, "content": "x", **more} for path in paths]
    return load_job_spec({"type": "config", "config": {"files": files}})


def refusal(spec, settings=ALLOWED, image="i:1"):
    with pytest.raises(DocumentError) as refused:
        DRIVER.document(spec, image, settings)
    return str(refused.value)


def mounts(*paths, settings=ALLOWED):
    pod = DRIVER.pod(config(*paths), "i:1", settings)["spec"]
    by_volume = {each["name"]: each["hostPath"] for each in pod["volumes"]}
    assert all(each["type"] == "DirectoryOrCreate" for each in by_volume.values())
    return {
        by_volume[each["name"]]["path"]: each["mountPath"]
        for each in pod["containers"][0]["volumeMounts"]
    }


def test_a_pod_sees_the_directories_that_its_files_need_and_no_others():
    assert mounts("/etc/app/a", "/etc/app/b/c") == {"/etc/app": "/node/etc/app"}
    assert mounts("/opt/wide/deep/a") == {"/opt/wide/deep": "/node/opt/wide/deep"}
    assert set(mounts("/opt/wide/a", "/opt/wide/deep/a")) == {"/opt/wide", "/opt/wide/deep"}


@pytest.mark.parametrize("path", ["/etc/apples/a", "/etc/app/../shadow", "/root/.ssh/x", "/"])
def test_nothing_is_mounted_for_a_file_that_is_refused(path):
    assert mounts(path) == {}
    assert refusal(config(path)).startswith("spec.config.files[0].path: ")


def test_a_directory_that_is_taken_back_is_out_of_reach_at_once():
    assert mounts("/etc/app/a", settings=PlanSettings()) == {}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("etc/app/a", "must be absolute and normalised"),
        ("/etc/app//a", "must be absolute and normalised"),
        ("/etc/app/./a", "must be absolute and normalised"),
        ("/etc/app/b/../a", "must be absolute and normalised"),
        ("//etc/app/a", "must be absolute and normalised"),
        ("/etc/app/a/", "must be absolute and normalised"),
        ("/etc/app/a\nb", "string should match pattern"),
        ("/etc/app/a\tb", "string should match pattern"),
        ("/etc/app/é", "string should match pattern"),
        ("/etc/app/.wavegate.edge.app", "names that begin with .wavegate. are the operator's"),
        ("/etc/app", "/etc/app is not inside a directory that the administrator allowed"),
        ("/etc/passwd", "/etc/passwd is not inside a directory that the administrator allowed"),
    ],
)
def test_a_path_that_is_not_taken_is_named(path, says):
    assert refusal(config("/etc/app/fine", path)).startswith(f"spec.config.files[1].path: {says}")


def test_a_refused_path_says_what_is_allowed_and_who_allows():
    message = refusal(config("/etc/passwd"))
    assert "/etc/app, /opt/wide" in message
    assert "--config-directory" in message


def test_without_allowed_directories_every_job_is_refused_saying_so():
    message = refusal(config("/etc/app/a"), PlanSettings())
    assert message.startswith("spec.config.files: the administrator allowed no directory")
    assert "--config-directory" in message


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (("/etc/app/a", "/etc/app/a"), "spec.config.files[1].path: is that of files[0] again"),
        (("/etc/app/a/b", "/etc/app/a"), "spec.config.files[0].path: files[1] is a file, not"),
    ],
)
def test_files_do_not_stand_in_each_others_way(paths, says):
    assert refusal(config(*paths)).startswith(says)


@pytest.mark.parametrize("mode", ["644", "0644", "0755", "0400"])
def test_modes_are_octal_digits(mode):
    index = DRIVER.document(config("/etc/app/a", mode=mode), "i:1", ALLOWED)["files"]
    assert index == f"0\t{mode.removeprefix('0')}\t/etc/app/a\n"


@pytest.mark.parametrize("mode", ["4755", "0048", "0044", "u+x", 420, 644])
def test_other_modes_are_refused(mode):
    assert refusal(config("/etc/app/a", mode=mode)).startswith("spec.config.files[0].mode: ")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "spec.config.files: is required"),
        ({"files": []}, "spec.config.files: list should have at least 1"),
        ({"files": [{"path": "/etc/app/a"}]}, "spec.config.files[0].content: is required"),
        (
            {"files": [{"path": "/etc/app/a", "content": "", "owner": "root"}]},
            "spec.config.files[0].owner: is not known",
        ),
        ({"files": [{"path": "/etc/app/a", "content": {"a": 1}}]}, "spec.config.files[0].content"),
        ({"files": [{"path": "/etc/app/a", "content": "\0"}]}, "spec.config.files[0].content"),
        ({"files": [{"content": "x"}] * 300}, "spec.config.files: list should have at most 256"),
    ],
)
def test_a_wrong_document_is_refused_by_its_field(document, says):
    spec = load_job_spec({"type": "config", "config": document})
    assert refusal(spec).startswith(says), refusal(spec)


def test_without_an_image_both_ways_out_are_named():
    message = refusal(config("/etc/app/a"), image="")
    assert message.startswith("spec.template.spec.containers: type config has no image")
    assert "--config-image" in message
    assert DRIVER.image(PlanSettings(config_image="c:1")) == "c:1"


def test_the_program_runs_as_root_without_capabilities_on_a_read_only_root():
    pod = DRIVER.pod(config("/etc/app/a"), "i:1", ALLOWED)["spec"]
    (main,) = pod["containers"]
    assert main["command"] == ["sh", "/etc/wavegate/write_files.sh"]
    assert pod["securityContext"]["runAsUser"] == 0
    assert main["securityContext"]["readOnlyRootFilesystem"] is True
    assert main["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert DRIVER.counters(config("/etc/app/a")) is None


def test_the_document_is_the_program_the_list_and_the_contents():
    document = DRIVER.document(config("/etc/app/a", "/etc/app/b"), "i:1", ALLOWED)
    assert set(document) == {"write_files.sh", "files", "0", "1"}
    assert document["files"] == "0\t644\t/etc/app/a\n1\t644\t/etc/app/b\n"


def test_a_file_may_be_as_large_as_the_whole_config_may_be():
    large = "x" * 250_000
    spec = config("/etc/app/a", content=large)
    assert DRIVER.document(spec, "i:1", ALLOWED)["0"] == large
