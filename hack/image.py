"""``make image``: the operator's image from the Dockerfile, without a container engine.

buildah builds it by chroot, on bases that mmdebstrap makes of Debian's packages: one to build on,
and one to run on that has Python, certificates and neither a shell nor a package manager. The
result is an archive for ``ctr images import``, ``docker load`` or ``skopeo copy``, with its parts
list (an SBOM in CycloneDX) beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from wavelab import binaries, machine
from wavelab.errors import WavelabError
from wavelab.locks import exclusive

ROOT: Final = Path(__file__).resolve().parents[1]
REPOSITORY: Final = "wavegate.local/wavegate"
SUITE: Final = "bookworm"
PACKAGES: Final = {
    "buildah": ("buildah", "builds the image"),
    "mmdebstrap": ("mmdebstrap", "makes the bases of the image"),
}

_BUILD_PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
_RUN_PACKAGES: Final = ("python3-minimal", "libpython3-stdlib", "ca-certificates", "netbase")
_CERTIFICATES: Final = (
    'cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1"/etc/ssl/certs/ca-certificates.crt'
)
_NEEDLESS: Final = (
    'cd "$1" && rm -rf bin/tar sbin usr/bin/dpkg* usr/bin/debconf* usr/bin/c_rehash usr/bin/py3*'
    " usr/bin/openssl usr/bin/update-alternatives usr/sbin usr/libexec usr/share/perl5"
    " usr/share/debconf usr/share/ca-certificates usr/share/bash-completion usr/share/polkit-1"
    " usr/share/pixmaps usr/share/info usr/share/lintian usr/share/python3"
)
"""What Python does not need: it leaves no program but Python."""
_USERS: Final = (
    "printf 'root:x:0:0:root:/:/sbin/nologin\\nwavegate:x:65532:65532::/:/sbin/nologin\\n'"
    ' > "$1"/etc/passwd'
)
_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:.|\n(?=\s))*)", re.MULTILINE)


def version() -> str:
    """The project's version, which is the image's tag."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def name() -> str:
    """The image's name with its tag."""
    return f"{REPOSITORY}:{version()}"


def run(*command: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command; what it prints. Raises WavelabError with what it said."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        raise WavelabError(f"`{' '.join(command[:4])} …` failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def _buildah(*arguments: str) -> str:
    kept = binaries.cache_root() / "buildah"
    return run(
        "buildah",
        "--storage-driver=vfs",
        f"--root={kept / 'root'}",
        f"--runroot={kept / 'run'}",
        *arguments,
        env={"BUILDAH_ISOLATION": "chroot"},
    )


def _base(kind: str, options: Sequence[str], packages: Sequence[str]) -> str:
    """The digest of a base image made by mmdebstrap; made once, and again when this changes."""
    shape = repr((SUITE, options, packages)).encode()
    tag = f"localhost/wavegate-{kind}:{hashlib.sha256(shape).hexdigest()[:12]}"
    found = _buildah("images", "--quiet", "--no-trunc", "--filter", f"reference={tag}")
    if not found:
        with tempfile.TemporaryDirectory(dir=binaries.cache_root()) as directory:
            archive = Path(directory) / "base.tar"
            chosen = f"--include={','.join(packages)}"
            run("mmdebstrap", "--quiet", *options, chosen, SUITE, str(archive))
            container = _buildah("from", "scratch")
            try:
                _buildah("add", container, str(archive))
                _buildah("commit", "--quiet", container, tag)
            finally:
                _buildah("rm", container)
        found = _buildah("images", "--quiet", "--no-trunc", "--filter", f"reference={tag}")
    return found.splitlines()[0].removeprefix("sha256:")


def build(target: Path) -> Path:
    """Build the image into the archive ``target``; a wheel, and an SBOM beside it.

    Raises WavelabError with what the failing step said.
    """
    machine.install_packages(PACKAGES, lambda said: print(said, file=sys.stderr))
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(binaries.cache_root() / "image.lock"):
        build_base = _base("build", ["--variant=minbase"], _BUILD_PACKAGES)
        hooks = (_CERTIFICATES, _NEEDLESS, _USERS)
        lean = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")]
        lean += [f"--extract-hook={hook}" for hook in hooks]
        base = _base("base", ["--variant=extract", *lean], _RUN_PACKAGES)
        # Where this machine reaches Python's packages by settings of its own, so does the build.
        own = [path for path in ("/etc/pip.conf", "/etc/ssl/certs") if Path(path).exists()]
        _buildah(
            "bud",
            "--isolation=chroot",
            "--quiet",
            "--timestamp=315532800",
            *(f"--volume={path}:{path}:ro" for path in own),
            f"--build-arg=BUILD_BASE={build_base}",
            f"--build-arg=BASE={base}",
            f"--tag={name()}",
            f"--ignorefile={ROOT / '.dockerignore'}",
            str(ROOT),
        )
        target.unlink(missing_ok=True)
        _buildah("push", "--quiet", name(), f"docker-archive:{target}:{name()}")
    sbom_path(target).write_text(json.dumps(sbom(), indent=1) + "\n")
    return target


def sbom_path(target: Path) -> Path:
    """Where the parts list of an image's archive is."""
    return target.with_suffix(".sbom.json")


def sbom() -> dict[str, Any]:
    """The parts list of what requirements.lock installs, as a CycloneDX 1.6 document.

    It names no time: the same lock gives the same document.
    """
    lock = (ROOT / "requirements.lock").read_text()
    components = [
        {
            "type": "library",
            "bom-ref": _purl(name, version),
            "name": name,
            "version": version,
            "purl": _purl(name, version),
            "hashes": [
                {"alg": "SHA-256", "content": digest}
                for digest in sorted(set(re.findall(r"sha256:([0-9a-f]{64})", rest)))
            ],
        }
        for name, version, rest in _LOCKED.findall(lock)
    ]
    own = {"type": "application", "bom-ref": "wavegate", "name": "wavegate", "version": version()}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [
            {"ref": "wavegate", "dependsOn": [str(each["bom-ref"]) for each in components]}
        ],
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "wavegate-image.tar"
    try:
        build(target)
    except WavelabError as error:
        print(f"image: {error}", file=sys.stderr)
        return error.exit_code
    size = target.stat().st_size / 2**20
    print(f"{name()}: {target} ({size:.0f} MiB), its parts in {sbom_path(target).name}")
    print(
        f"skopeo copy docker-archive:{target} docker://REGISTRY/wavegate:{version()}    # pushes it"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
