"""Container images without a container engine: one-layer OCI layouts, in tar files.

The same contents give the same bytes: no clock, no user, no order of a directory gets in.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from wavelab import binaries, machine

PAUSE = "wavegate.local/pause:1"
BUSYBOX = "wavegate.local/busybox:1.36"
PIPELINE = "wavegate.local/pipeline:4.50.0"
PIPELINE_USER = "65532:65532"

_DIRECTORY_MODE = 0o755
_SHARED_MODE = 0o1777


@dataclass(frozen=True)
class Image:
    """An image: files by absolute path, each with content (or where it is) and mode."""

    name: str
    files: Mapping[str, tuple[bytes | Path, int]]
    entrypoint: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


def write_tar(image: Image, target: Path) -> Path:
    """Write the image as an OCI layout tar; the file appears complete or not at all."""
    layer = _layer(image)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Env": [f"{key}={value}" for key, value in sorted(image.env.items())],
                "User": image.user,
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    # Level 1: the tar is read by this machine alone, minutes later. A fixed time keeps it the same.
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    kind = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": _descriptor(f"{kind}.config.v1+json", config),
            "layers": [_descriptor(f"{kind}.layer.v1.tar+gzip", packed)],
        }
    )
    named = _descriptor(f"{kind}.manifest.v1+json", manifest)
    named["annotations"] = {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
    }
    contents = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json({"schemaVersion": 2, "manifests": [named]}),
    }
    for blob in (config, packed, manifest):
        contents["blobs/sha256/" + _digest(blob).removeprefix("sha256:")] = blob
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in sorted(contents.items()):
            _add(tar, path, data, 0o644)
    temporary.rename(target)
    return target


def pause_image() -> Image:
    """The image that holds a pod's namespaces."""
    return Image(PAUSE, {"/pause": (binaries.path_of("pause"), 0o755)}, ["/pause"])


def pipeline_image() -> Image:
    """The pipeline engine: runs as 65532 from a read-only root, with a file given by arguments."""
    return Image(
        PIPELINE,
        {"/usr/local/bin/benthos": (binaries.path_of("benthos"), 0o755)},
        ["/usr/local/bin/benthos"],
        {"PATH": "/usr/local/bin"},
        PIPELINE_USER,
    )


def busybox_image() -> Image:
    """busybox with every applet of Debian's static build as a command in /bin."""
    listing = subprocess.run(
        [str(machine.BUSYBOX), "--list"], check=True, capture_output=True, text=True
    ).stdout.split()
    return Image(
        BUSYBOX,
        {
            "/bin/busybox": (machine.BUSYBOX, 0o755),
            "/etc/passwd": (b"root:x:0:0:root:/:/bin/sh\n", 0o644),
            "/tmp/.keep": (b"", 0o644),
        },
        [],
        {"PATH": "/bin"},
        links={f"/bin/{name}": "busybox" for name in listing if name != "busybox"},
    )


def stock_images() -> list[Path]:
    """Tars of pause, busybox and the pipeline engine, kept between clusters in the cache."""
    kept = binaries.cache_root() / "images"
    tars: list[Path] = []
    for image in (pause_image(), busybox_image(), pipeline_image()):
        tar = kept / f"{image.name.rpartition('/')[2].replace(':', '-')}-{_source_key(image)}.tar"
        tars.append(tar if tar.exists() else write_tar(image, tar))
    return tars


def _source_key(image: Image) -> str:
    """Changes with the image's description and with the files on disk that go into it."""
    digest = hashlib.sha256(repr((image.name, image.entrypoint, image.env, image.links)).encode())
    for path, (source, mode) in sorted(image.files.items()):
        content = source if isinstance(source, bytes) else source.read_bytes()
        digest.update(f"{path} {mode} ".encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _layer(image: Image) -> bytes:
    buffer = io.BytesIO()
    directories = {
        str(parent)
        for path in (*image.files, *image.links)
        for parent in PurePosixPath(path).parents
        if str(parent) != "/"
    }
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(directories):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type = tarfile.DIRTYPE
            entry.mode = _SHARED_MODE if path == "/tmp" else _DIRECTORY_MODE
            tar.addfile(entry)
        for path, (source, mode) in sorted(image.files.items()):
            content = source if isinstance(source, bytes) else source.read_bytes()
            _add(tar, path.lstrip("/"), content, mode)
        for path, destination in sorted(image.links.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type = tarfile.SYMTYPE
            entry.linkname = destination
            tar.addfile(entry)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    entry.mode = mode
    tar.addfile(entry, io.BytesIO(content))


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
