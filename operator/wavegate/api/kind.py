"""What the CRD of a kind is made of, beside its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from wavegate.api.base import cel
from wavegate.api.names import GROUP, MAX_JOB_NAME


@dataclass(frozen=True, slots=True)
class Column:
    """One printer column of ``kubectl get``."""

    name: str
    path: str
    type: str = "string"
    description: str = ""
    wide: bool = False

    def to_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            made["description"] = self.description
        if self.wide:
            made["priority"] = 1
        return made


AGE: Final = Column("Age", ".metadata.creationTimestamp", "date", "Time since it was created.")


@dataclass(frozen=True, slots=True)
class Kind:
    """All that the CRD of a kind is made of."""

    kind: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel] | None
    """None: nothing is reported of it."""
    columns: tuple[Column, ...]
    rules: tuple[dict[str, str], ...] = ()
    selectable: tuple[str, ...] = ()
    status_default: Mapping[str, Any] | None = None

    @property
    def file_name(self) -> str:
        return f"{GROUP}_{self.plural}.yaml"


NO_DOT: Final = "!self.metadata.name.contains('.')"
"""With the server's own check of names this leaves DNS labels; a regex is over the cost budget."""


def short_name(why: str, most: int = MAX_JOB_NAME) -> dict[str, str]:
    """The rule that a name is a DNS label of at most so many characters; ``why`` so few."""
    return cel(
        f"self.metadata.name.size() <= {most} && {NO_DOT}",
        f"metadata.name: must be a DNS label (a-z, 0-9, -) of at most {most} characters, {why}",
    )
