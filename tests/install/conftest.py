"""Real nodes with the operator's image on them, and nothing of ours installed yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import image
import wavelab
from install.release import Release
from wavelab.client import Client

IMAGE_MIB = 160
"""What the image may take, unpacked."""


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image, built from this tree."""
    return image.build(tmp_path_factory.mktemp("image") / "wavegate.tar")


@pytest.fixture(scope="package")
def lab(archive: Path) -> Iterator[wavelab.Cluster]:
    """Three nodes, with the image."""
    cluster = wavelab.Cluster("test-install")
    try:
        cluster.down()  # of a run that was killed
        cluster.up(nodes=3)
        cluster.load_image(archive)
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="package")
def client(lab: wavelab.Cluster) -> Client:
    return lab.client()


@pytest.fixture(scope="module")
def release(request: pytest.FixtureRequest, lab: wavelab.Cluster) -> Release:
    """The release of a module, by the Helm that the module names as ``HELM``."""
    return Release(lab, request.module.HELM)


@pytest.fixture
def took(measured: Callable[[str], None]) -> Callable[[str], None]:
    return measured
