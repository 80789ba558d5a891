"""Who may do what: the rules of Roles and ClusterRoles, as RBAC adds them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml


class User(Protocol):
    """Whose request it is."""

    @property
    def name(self) -> str: ...

    def may(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        """``resource`` may have a subresource after ``/``; no namespace is an empty text."""
        ...


@dataclass(frozen=True, slots=True)
class Administrator:
    """May do everything."""

    name: str = "administrator"

    def may(self, *_: str) -> bool:
        return True


class Account:
    """Has the rights of the roles that are bound to it, and no others."""

    def __init__(self, name: str, roles: Iterable[Mapping[str, Any]]) -> None:
        self.name = name
        self._rights: set[tuple[str, str, str, str]] = set()
        for role in roles:
            space = role["metadata"].get("namespace", "") if role["kind"] == "Role" else "*"
            for rule in role["rules"]:
                self._rights |= {
                    (verb, group, resource, space)
                    for verb in rule["verbs"]
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                }

    def may(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        return not self._rights.isdisjoint(
            {(verb, group, resource, "*"), (verb, group, resource, namespace)}
        )


def load_roles(directory: Path, account: str = "wavegate") -> list[dict[str, Any]]:
    """The Roles and ClusterRoles that a directory's manifests bind to a ServiceAccount."""
    documents = [
        document
        for path in sorted(directory.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if document and "metadata" in document
    ]
    bound = {
        (each["roleRef"]["kind"], each["roleRef"]["name"])
        for each in documents
        if each["kind"] in ("RoleBinding", "ClusterRoleBinding")
        and any(subject["name"] == account for subject in each["subjects"])
    }
    return [each for each in documents if (each["kind"], each["metadata"]["name"]) in bound]
