"""Decoding what anybody may have written: one odd object must not blind us for all the others."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")
Raw = dict[str, Any]

_REMEMBERED: Final = 1000


class Carefully(Generic[T]):
    """What ``decode`` makes of a raw object of a kind; None where it cannot.

    That is told once for each object, with ``so``, what it counts as then; and ``discard`` is told
    its namespace and name.
    """

    def __init__(
        self,
        kind: str,
        decode: Callable[[Raw], T],
        discard: Callable[[str, str], None],
        so: str = "counts as unknown",
    ) -> None:
        self._kind = kind
        self._so = so
        self._decode = decode
        self._discard = discard
        self._told: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def __call__(self, raw: Raw) -> T | None:
        try:
            return self._decode(raw)
        except Exception as error:
            metadata = raw.get("metadata")
            known = metadata if isinstance(metadata, Mapping) else {}
            namespace, name = str(known.get("namespace", "")), str(known.get("name", ""))
            self._tell_once((namespace, name, str(known.get("uid", ""))), error)
            self._discard(namespace, name)
            return None

    def _tell_once(self, identity: tuple[str, str, str], error: Exception) -> None:
        if identity in self._told:
            return
        self._told[identity] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        namespace, name, _ = identity
        _log.warning(
            "%s %s/%s cannot be understood and %s: %s",
            self._kind,
            namespace,
            name,
            self._so,
            error,
        )
