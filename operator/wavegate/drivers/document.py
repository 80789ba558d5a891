"""The rendered document: the text that reaches a pod as a file of its version's ConfigMap.

Apart from the drivers, because all of them bound and spell it alike. Worked example:

>>> print(document({"b": 1, "a": "x"}))
{
  "a": "x",
  "b": 1
}
<BLANKLINE>
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from wavegate.api.fleetjob import MAX_CONFIG_BYTES, FleetJobSpec, config_size
from wavegate.api.nesting import levels_of

FILE_NAME: Final = "config.yaml"
"""Name of the document's file in the ConfigMap and below the mount path."""

MAX_BLANKS: Final = 64 * 1024
"""Most blanks that are spent on a line for each value: to write 10,000 such lines takes some 20 ms,
and the lines of a document of 256 KiB may take more than the 1 MiB that a ConfigMap holds."""

_NOT_PLAIN_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class DocumentError(ValueError):
    """A config that cannot be rendered; the message begins with the field's path."""


def bounded_config(spec: FleetJobSpec) -> dict[str, Any] | None:
    """The job's config, None where there is none.

    Raises DocumentError if it is longer than 256 KiB as compact JSON, which the CRD cannot check.
    """
    size = config_size(spec)
    if size > MAX_CONFIG_BYTES:
        raise DocumentError(too_large(size))
    return spec.config


def too_large(size: int) -> str:
    """What is told of a config of so many bytes."""
    return f"spec.config: has {size} bytes as JSON, at most {MAX_CONFIG_BYTES} are allowed"


def _indentation(config: Mapping[str, Any]) -> int:
    """Blanks before the values of a document that has each on a line of its own."""
    levels = enumerate(levels_of(config), start=1)
    return sum(2 * depth * sum(map(len, level)) for depth, level in levels)


def document(config: Mapping[str, Any]) -> str:
    """The config as JSON that is YAML with the same meaning.

    JSON and not YAML's own spelling, because readers of YAML disagree on which plain words are
    numbers or truth values. Characters that YAML folds or refuses inside quotes are escaped, and
    no others: its readers do not know JSON's surrogate pairs.

    Each value has a line of its own, for people; a document of so many or so deep ones that nobody
    reads it is one line.
    """
    indent = 2 if _indentation(config) <= MAX_BLANKS else None
    text = json.dumps(config, indent=indent, sort_keys=True, ensure_ascii=False)
    return _NOT_PLAIN_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"
