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

FILE_NAME: Final = "config.yaml"
"""Name of the document's file in the ConfigMap and below the mount path."""

_NOT_PLAIN_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class DocumentError(ValueError):
    """A config that cannot be rendered; the message begins with the field's path."""


def bounded_config(spec: FleetJobSpec) -> dict[str, Any] | None:
    """The job's config, None where there is none.

    Raises DocumentError if it is longer than 256 KiB as compact JSON, which the CRD cannot check.
    """
    size = config_size(spec)
    if size > MAX_CONFIG_BYTES:
        raise DocumentError(
            f"spec.config: has {size} bytes as JSON, at most {MAX_CONFIG_BYTES} are allowed"
        )
    return spec.config


def document(config: Mapping[str, Any]) -> str:
    """The config as JSON that is YAML with the same meaning.

    JSON and not YAML's own spelling, because readers of YAML disagree on which plain words are
    numbers or truth values. Characters that YAML folds or refuses inside quotes are escaped, and
    no others: its readers do not know JSON's surrogate pairs.
    """
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    return _NOT_PLAIN_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"
