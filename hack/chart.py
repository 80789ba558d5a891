"""What belongs to the chart and is made from elsewhere: ``python hack/chart.py``.

| file | made from |
| --- | --- |
| charts/wavegate/files/crds | crds/ |
| charts/wavegate/files/dashboards | the descriptions in hack/dashboards.py |
| charts/wavegate/README.md, its table of values | the comments in values.yaml |
| gitops/argocd/argocd-cm.yaml | the scripts in gitops/argocd/resource_customizations |
| manifests/ | what `helm template` makes of the chart |

``--check`` compares instead of writing, and leaves manifests/, which need helm, to the tests.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

import dashboards
from wavelab import binaries

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "charts" / "wavegate"
ARGOCD: Final = ROOT / "gitops" / "argocd"
MANIFESTS: Final = ROOT / "manifests"
NAMESPACE: Final = "wavegate-system"
REPAIR: Final = "make generate"

_BEGIN, _END = "<!-- values -->", "<!-- end of values -->"
_KEY: Final = re.compile(r"^( *)([A-Za-z]+):")
_HELM_S: Final = re.compile(
    r"^(# Source: .*| *helm\.sh/chart: .*| *app\.kubernetes\.io/managed-by: .*)\n", re.MULTILINE
)
_RIGHTS: Final = (
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
)
_MADE: Final = "# Made from charts/wavegate by: make generate\n"
_NAMESPACE: Final = f"""\
# Restricted Pod Security, which the operator's pods satisfy.
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


@dataclass(frozen=True)
class Value:
    """A value of the chart: its path such as ``image.tag``, its default, and what it does."""

    path: str
    default: Any
    words: str


def values(text: str) -> Iterator[Value]:
    """The values that a values.yaml describes, in its order.

    A description is ``# -- words``, its further lines ``# words``; it belongs to the next key.
    """
    above: list[tuple[int, str]] = []
    words: list[str] = []
    document = yaml.safe_load(text)
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            words = [stripped[5:]]
        elif stripped.startswith("# ") and words:
            words.append(stripped[2:])
        elif found := _KEY.match(line):
            depth = len(found[1])
            above = [each for each in above if each[0] < depth]
            above.append((depth, found[2]))
            if words:
                path = [name for _, name in above]
                yield Value(".".join(path), _at(document, path), " ".join(words))
            words = []


def described(text: str) -> set[str]:
    """Paths of all described values."""
    return {value.path for value in values(text)}


def _at(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document[name]
    return document


def values_table(text: str) -> str:
    """The README's table of values."""
    rows = ["| value | default | what it does |", "| --- | --- | --- |"]
    for value in values(text):
        default = json.dumps(value.default).replace("|", "\\|")
        words = value.words.replace("|", "\\|")
        rows.append(f"| `{value.path}` | `{default}` | {words} |")
    return "\n".join(rows)


def readme(present: str, text: str) -> str:
    """The README with its table made anew."""
    before, _, rest = present.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{values_table(text)}\n{_END}{after}"


def pure_files() -> dict[Path, str]:
    """What is made without helm: the content that each file should have."""
    made = {
        CHART / "files" / "crds" / path.name: path.read_text()
        for path in sorted((ROOT / "crds").glob("*.yaml"))
    }
    made[ARGOCD / "argocd-cm.yaml"] = argocd_config()
    for each in dashboards.DASHBOARDS:
        made[CHART / "files" / "dashboards" / f"{each.name}.json"] = dashboards.rendered(each)
    page = CHART / "README.md"
    made[page] = readme(page.read_text(), (CHART / "values.yaml").read_text())
    return made


def argocd_config() -> str:
    """A patch of Argo CD's ConfigMap with our scripts, as texts within texts."""
    lines = ["# Made from resource_customizations by: make generate", "data:"]
    for kind in sorted((ARGOCD / "resource_customizations").glob("*/*")):
        key = f"{kind.parent.name}_{kind.name}"
        lines.append(f"  resource.customizations.health.{key}: |")
        lines += _indented(kind / "health.lua", 4)
        lines.append(f"  resource.customizations.actions.{key}: |")
        lines += ["    discovery.lua: |", *_indented(kind / "actions" / "discovery.lua", 6)]
        lines.append("    definitions:")
        for script in sorted((kind / "actions").glob("*/action.lua")):
            lines += [f"      - name: {script.parent.name}", "        action.lua: |"]
            lines += _indented(script, 10)
    return "\n".join(lines) + "\n"


def _indented(script: Path, depth: int) -> list[str]:
    return [f"{' ' * depth}{line}".rstrip() for line in script.read_text().splitlines()]


def helm(*arguments: str, program: str = "helm") -> str:
    """What a helm command prints. Raises subprocess.CalledProcessError; stderr goes through."""
    path = str(binaries.path_of(program))
    done = subprocess.run([path, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def rendered(*arguments: str) -> list[str]:
    """The chart's documents as texts, with their comments and without what is Helm's own."""
    text = helm("template", "wavegate", str(CHART), "--namespace", NAMESPACE, *arguments)
    documents = re.split(r"^---\n", _HELM_S.sub("", text), flags=re.MULTILINE)
    return [f"{each.strip()}\n" for each in documents if each.strip()]


def manifests() -> dict[Path, str]:
    """manifests/, as it should be."""
    plain = rendered("--skip-tests", "--set", "crds.keep=false")
    cordon = [
        each
        for each in rendered("--set", "rbac.cordon=true")
        if _kind(each) in _RIGHTS and each not in plain
    ]
    rights = [each for each in plain if _kind(each) in _RIGHTS and "-leader" not in each]
    rights += [each for each in plain if _kind(each) in _RIGHTS and "-leader" in each]
    rights = [each for each in rights if not _is_for_users(each)]
    return {
        MANIFESTS / "install.yaml": _joined(_NAMESPACE, *plain),
        MANIFESTS / "rights.yaml": _joined(_NAMESPACE, *rights),
        MANIFESTS / "optional" / "cordon.yaml": _joined(*cordon),
    }


def _joined(*documents: str) -> str:
    return _MADE + "---\n".join(documents)


def _kind(document: str) -> str:
    return str(yaml.safe_load(document)["kind"])


def _is_for_users(document: str) -> bool:
    name = yaml.safe_load(document)["metadata"]["name"]
    return str(name).endswith(("-view", "-edit", "-admin", "-promoter"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Files that belong to the chart.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        stale = [path for path, text in pure_files().items() if _content(path) != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not as it is made: {REPAIR}", file=sys.stderr)
        return 1 if stale else 0
    for path, text in pure_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # The chart has its CRDs now, and can be rendered.
    binaries.ensure(("helm",), lambda said: print(said, file=sys.stderr))
    for path, text in manifests().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def _content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
