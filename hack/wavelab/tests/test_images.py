"""Image tars: what is in them, and that the same contents give the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from wavelab.images import Image, write_tar

IMAGE = Image(
    "example.local/thing:2",
    {"/opt/app/run": (b"#!/bin/sh\n", 0o755), "/etc/thing.conf": (b"a=1\n", 0o644)},
    ["/opt/app/run"],
    {"MODE": "x"},
    "65532:65532",
    {"/bin/thing": "/opt/app/run"},
)


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    return write_tar(IMAGE, tmp_path / "thing.tar")


def read(tar: Path, path: str) -> bytes:
    with tarfile.open(tar) as archive:
        member = archive.extractfile(path)
        assert member is not None
        return member.read()


def blob(tar: Path, descriptor: dict[str, Any]) -> bytes:
    data = read(tar, "blobs/sha256/" + descriptor["digest"].removeprefix("sha256:"))
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
    assert len(data) == descriptor["size"]
    return data


def test_the_index_names_the_image(tar: Path) -> None:
    (manifest,) = json.loads(read(tar, "index.json"))["manifests"]
    assert manifest["annotations"]["io.containerd.image.name"] == "example.local/thing:2"


def test_config_says_how_to_run(tar: Path) -> None:
    (entry,) = json.loads(read(tar, "index.json"))["manifests"]
    config = json.loads(blob(tar, json.loads(blob(tar, entry))["config"]))
    assert config["config"]["Entrypoint"] == ["/opt/app/run"]
    assert config["config"]["Env"] == ["MODE=x"]
    assert config["config"]["User"] == "65532:65532"


def test_the_layer_holds_files_directories_and_links(tar: Path) -> None:
    (entry,) = json.loads(read(tar, "index.json"))["manifests"]
    manifest = json.loads(blob(tar, entry))
    (described,) = manifest["layers"]
    layer = gzip.decompress(blob(tar, described))
    config = json.loads(blob(tar, manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        members = {member.name: member for member in files}
        assert list(members)[:2] == ["bin", "etc"]
        assert members["opt/app"].isdir()
        assert members["opt/app/run"].mode == 0o755
        assert members["bin/thing"].linkname == "/opt/app/run"
        assert {member.mtime for member in files} == {0}


def test_the_same_contents_give_the_same_bytes(tar: Path, tmp_path: Path) -> None:
    shuffled = Image(
        IMAGE.name,
        dict(reversed(list(IMAGE.files.items()))),
        IMAGE.entrypoint,
        IMAGE.env,
        IMAGE.user,
        IMAGE.links,
    )
    assert write_tar(shuffled, tmp_path / "again.tar").read_bytes() == tar.read_bytes()


def test_a_file_may_come_from_disk(tmp_path: Path, tar: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"#!/bin/sh\n")
    files = {**IMAGE.files, "/opt/app/run": (source, 0o755)}
    same = Image(IMAGE.name, files, IMAGE.entrypoint, IMAGE.env, IMAGE.user, IMAGE.links)
    assert write_tar(same, tmp_path / "disk.tar").read_bytes() == tar.read_bytes()
