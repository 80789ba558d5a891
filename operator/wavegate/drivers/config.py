"""Job type ``config``: files that are written onto the node, whole or not at all.

Only inside directories that the administrator allowed. A pod mounts those that its files need,
below ``/node``, and nothing else of the node: a symbolic link or a path that leads out of them ends
in the container. The allowed directories are those of now, not of when the version was made, so
that one that is taken back is out of reach at once. A directory that is missing on a node is made:
the administrator named it, and a mount that fails would be told nowhere but in the node's events.

Contents are no place for secrets: everybody who may read jobs or ConfigMaps sees them.

| allowed | files[0].path | |
| --- | --- | --- |
| /etc/app | /etc/app/a.conf | written, /etc/app is mounted |
| /etc, /etc/app | /etc/app/a.conf | written, /etc/app is mounted: the nearest |
| /etc/app | /etc/application/a.conf | refused: not inside an allowed directory |
| /etc/app | /etc/app/../passwd | refused: must be absolute and normalised |
| /etc/app | /etc/app | refused: not inside an allowed directory |
| (none) | /etc/app/a.conf | refused: the administrator allowed no directory |
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

from wavegate.api.base import Model
from wavegate.api.fleetjob import MAX_CONFIG_BYTES, FleetJobSpec
from wavegate.api.names import CONFIG_MOUNT_PATH, LABEL_JOB
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import DocumentError
from wavegate.drivers.once import NODE_NAME, once_pod, parsed, require_image, without_nul

NODE_ROOT: Final = "/node"
"""Below it the pod sees the node's directories under their own paths."""

PROGRAM: Final = "write_files.sh"
INDEX: Final = "files"
OWN_FILES: Final = ".wavegate."
"""How the names of the files begin in which the program remembers what it left."""

_PROGRAM_TEXT: Final = Path(__file__).with_name(PROGRAM).read_text(encoding="utf-8")
_DEFAULT_MODE: Final = "0644"


def _path(text: str) -> str:
    if posixpath.normpath(text) != text or not text.startswith("/") or text.startswith("//"):
        raise ValueError("must be absolute and normalised, without .. and double slashes")
    if posixpath.basename(text).startswith(OWN_FILES):
        raise ValueError(f"names that begin with {OWN_FILES} are the operator's")
    return text


class File(Model):
    """A file as it is to be on the node."""

    path: Annotated[
        str,
        StringConstraints(min_length=2, max_length=255, pattern=r"^[ -~]+$"),
        AfterValidator(_path),
    ]
    content: Annotated[
        str, StringConstraints(max_length=MAX_CONFIG_BYTES), AfterValidator(without_nul)
    ]
    mode: Annotated[str, StringConstraints(pattern=r"^0?[4-7][0-7]{2}$")] = _DEFAULT_MODE
    """Octal digits; whoever owns the file may read it."""


class Files(Model):
    """The whole document."""

    files: list[File] = Field(min_length=1, max_length=256)


class ConfigDriver:
    """Writes the config's files by a program of its own."""

    def image(self, settings: PlanSettings) -> str:
        """The administrator's image with a shell; empty where none is configured."""
        return settings.config_image

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:
        """The program, its list of files, and their contents by number.

        Raises DocumentError for files that are wrong or outside the allowed directories, or if
        there is no image.
        """
        files = parsed(spec, Files).files
        _check_places(files, settings.config_directories)
        require_image(spec, image)
        index = [
            f"{number}\t{int(each.mode, 8):o}\t{each.path}\n" for number, each in enumerate(files)
        ]
        contents = {str(number): each.content for number, each in enumerate(files)}
        return {PROGRAM: _PROGRAM_TEXT, INDEX: "".join(index), **contents}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:
        """The program's pod; root on the node's file system, in those directories alone."""
        needed = _needed(spec, settings.config_directories)
        main = {
            "command": ["sh", f"{CONFIG_MOUNT_PATH}/{PROGRAM}"],
            "env": [
                NODE_NAME,
                {"name": "NODE_ROOT", "value": NODE_ROOT},
                _variable("JOB_NAMESPACE", "metadata.namespace"),
                _variable("JOB_NAME", f"metadata.labels['{LABEL_JOB}']"),
            ],
            "volumeMounts": [
                {"name": f"node-{number}", "mountPath": f"{NODE_ROOT}{directory}"}
                for number, directory in enumerate(needed)
            ],
        }
        security = {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}}
        pod = once_pod(image, main, security)
        pod["spec"]["volumes"] = [
            {
                "name": f"node-{number}",
                "hostPath": {"path": directory, "type": "DirectoryOrCreate"},
            }
            for number, directory in enumerate(needed)
        ]
        return pod

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """None: it is judged by how it ends."""
        return None


def _variable(name: str, field: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}


def _nearest(path: str, allowed: Sequence[str]) -> str:
    """The innermost allowed directory that the file is in; empty for none."""
    return max((each for each in allowed if path.startswith(f"{each}/")), key=len, default="")


def _needed(spec: FleetJobSpec, allowed: Sequence[str]) -> list[str]:
    """The allowed directories that the config's files are in; of what is malformed, nothing."""
    files = (spec.config or {}).get("files")
    entries = files if isinstance(files, list) else []
    paths = [each.get("path") for each in entries if isinstance(each, dict)]
    nearest = {
        _nearest(path, allowed)
        for path in paths
        if isinstance(path, str) and posixpath.normpath(path) == path
    }
    return sorted(nearest - {""})


def _check_places(files: Sequence[File], allowed: Sequence[str]) -> None:
    if not allowed:
        raise DocumentError(
            "spec.config.files: the administrator allowed no directory on the nodes; the operator's"
            " option --config-directory allows one"
        )
    seen: dict[str, int] = {}
    for number, each in enumerate(files):
        field = f"spec.config.files[{number}].path"
        if not _nearest(each.path, allowed):
            raise DocumentError(
                f"{field}: {each.path} is not inside a directory that the administrator allowed"
                f" (operator option --config-directory): {', '.join(allowed)}"
            )
        if each.path in seen:
            raise DocumentError(f"{field}: is that of files[{seen[each.path]}] again")
        seen[each.path] = number
    for path, number in seen.items():
        parent = posixpath.dirname(path)
        while parent != "/":
            if parent in seen:
                field = f"spec.config.files[{number}].path"
                raise DocumentError(f"{field}: files[{seen[parent]}] is a file, not a directory")
            parent = posixpath.dirname(parent)
