"""Documents of YAML or JSON files, as ``-f`` takes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from wavegate.cli.errors import CliError
from wavegate.cli.sight import Document


def read_documents(path: str) -> list[Document]:
    """All objects of a file, of lists in it as well; ``-`` is stdin. Raises CliError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        loaded = [each for each in yaml.safe_load_all(text) if each is not None]
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: {error}") from error
    found: list[Document] = []
    for number, each in enumerate(loaded, start=1):
        if not isinstance(each, dict) or not isinstance(each.get("kind"), str):
            raise CliError(f"{path}: document {number} is no object with a kind")
        found += _items(each)
    return found


def _items(document: Document) -> list[Document]:
    items = document.get("items")
    if not document["kind"].endswith("List") or not isinstance(items, list):
        return [document]
    kind = document["kind"].removesuffix("List")
    return [{**({"kind": kind} if kind else {}), **each} for each in items]


def one_job(path: str) -> Document:
    """The one FleetJob of a file; other objects are left out. Raises CliError."""
    jobs = [each for each in read_documents(path) if each["kind"] == "FleetJob"]
    if len(jobs) != 1:
        raise CliError(f"{path}: has {len(jobs)} objects of kind FleetJob, and one is needed")
    metadata: Any = jobs[0].get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise CliError(f"{path}: metadata.name: is required")
    return jobs[0]


def nodes_of(path: str) -> list[Document]:
    """Nodes as ``kubectl get nodes -o yaml`` writes them. Raises CliError."""
    nodes = [each for each in read_documents(path) if each["kind"] == "Node"]
    if not nodes:
        raise CliError(f"{path}: has no object of kind Node: kubectl get nodes -o yaml writes them")
    return nodes
