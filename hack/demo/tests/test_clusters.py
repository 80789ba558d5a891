"""What is made in a cluster, what is refused, and what is taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.clusters import GivenStage, InstalledStage, LabStage, Progress, stage_for
from demo.errors import DemoError
from demo.installed import InstalledOperator
from demo.kubectl import Kubectl
from demo.tests import canned


@pytest.mark.parametrize(("user", "real"), [(0, True), (1000, False)])
def test_nodes_are_real_for_root_alone(
    user: int, real: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("demo.clusters.binaries.path_of", lambda name: Path("/bin") / name)
    assert stage_for(None, 3, "", "ignored").runs_pods is real


@pytest.mark.parametrize("selector", ["", "pool", "pool=", "=edge"])
def test_a_given_cluster_needs_a_label_of_nodes(selector: str) -> None:
    with pytest.raises(DemoError, match="kubectl label node"):
        stage_for("current", 3, selector, "wavegate-demo")


class FakeKubectl(Kubectl):
    """Answers ``get`` from a table, by the last words that matter, and records all commands."""

    def __init__(self, answers: dict[str, str], nodes: int = 3) -> None:
        super().__init__("kubectl", None)
        self._answers = answers
        self._nodes = nodes
        self.commands: list[str] = []

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        del given
        command = " ".join(arguments)
        self.commands.append(command)
        return next((v for key, v in self._answers.items() if command.startswith(key)), "")

    def items(self, kinds: str, *arguments: str) -> list[canned.Document]:
        self.commands.append(f"get {kinds} {' '.join(arguments)}")
        return [{} for _ in range(self._nodes)]


def given_stage(kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch) -> GivenStage:
    monkeypatch.setattr("demo.clusters.shutil.which", lambda _: "/bin/kubectl")
    stage = GivenStage("pool=edge", "wavegate-demo")
    monkeypatch.setattr(stage, "kubectl", kubectl)
    return stage


@pytest.mark.parametrize(
    ("kubectl", "said"),
    [
        (FakeKubectl({"get crd": "crd/fleetjobs.wavegate.dev\n"}), "has our CRDs already"),
        (FakeKubectl({"get namespace wavegate-demo": "namespace/x"}), "choose another by --name"),
        (FakeKubectl({"get clusterrole wavegate": "clusterrole/x"}), "clusterrole wavegate is in"),
        (FakeKubectl({}, nodes=2), "2 nodes have the label pool=edge"),
        (FakeKubectl({}, nodes=0), "no nodes have the label pool=edge"),
    ],
)
def test_a_cluster_in_which_something_is_in_the_way_is_left_untouched(
    kubectl: FakeKubectl, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = given_stage(kubectl, monkeypatch)
    with pytest.raises(DemoError, match=said):
        stage.prepare(lambda _: None)
    stage.remove(lambda _: None)
    assert all(command.startswith("get ") for command in kubectl.commands)


def test_from_a_given_cluster_jobs_go_first_and_kinds_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kubectl = FakeKubectl({})
    stage = given_stage(kubectl, monkeypatch)
    stage.prepare(lambda _: None)
    installed = len(kubectl.commands)
    stage.remove(lambda _: None)
    removed = [command.split()[1] for command in kubectl.commands[installed:]]
    assert removed[0] == "fleetjobs"
    assert removed.index("namespace") < len(removed) - 1
    assert kubectl.commands[-1].endswith("crds")


class InstalledKubectl(FakeKubectl):
    """A cluster with the operator in it; ``holders`` lead one after the other."""

    def __init__(self, installed: int, holders: list[str], **answers: str) -> None:
        crds = {"get crd": "crd/fleetjobs.wavegate.dev\n"}
        super().__init__({key.replace("_", " "): v for key, v in answers.items()} or crds)
        self._installed = installed
        self._holders = holders

    def items(self, kinds: str, *arguments: str) -> list[canned.Document]:
        if kinds == "nodes":
            return super().items(kinds, *arguments)
        named = {"name": "wavegate", "namespace": "ops"}
        if kinds == "deployments":
            return [{"metadata": named}] * self._installed
        holder = self._holders.pop(0) if len(self._holders) > 1 else self._holders[0]
        other = {"metadata": {"name": "other"}, "spec": {"holderIdentity": "x_1"}}
        return [other, {"metadata": named, "spec": {"holderIdentity": holder}}]


def test_an_installed_operator_is_found_and_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.installed.time.sleep", lambda _: None)
    operator = InstalledOperator(InstalledKubectl(1, ["", "", "pod-a_77", "pod-b_8"]))
    operator.start()
    assert (operator.namespace, operator.name) == ("ops", "wavegate")
    assert operator.leader() == "pod-b"


@pytest.mark.parametrize(("number", "said"), [(0, "no installed operators"), (2, "2 installed")])
def test_without_one_or_with_two_the_demonstration_is_refused(number: int, said: str) -> None:
    with pytest.raises(DemoError, match=said):
        InstalledOperator(InstalledKubectl(number, [""])).start()


def test_with_an_installed_operator_a_namespace_is_made_and_removed_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("demo.clusters.shutil.which", lambda _: "/bin/kubectl")
    stage = stage_for("installed", 3, "pool=edge", "wavegate-demo")
    assert isinstance(stage, InstalledStage)
    kubectl = InstalledKubectl(1, ["pod-a_1"])
    monkeypatch.setattr(stage, "kubectl", kubectl)
    stage.prepare(lambda _: None)
    stage.remove(lambda _: None)
    changing = [command.split() for command in kubectl.commands if not command.startswith("get ")]
    assert [words[:2] for words in changing] == [
        ["apply", "-f"],
        ["delete", "fleetjobs"],
        ["delete", "namespace"],
    ]
    empty = InstalledKubectl(1, [""], get_crd="")
    monkeypatch.setattr(stage, "kubectl", empty)
    with pytest.raises(DemoError, match="install the operator first"):
        stage.prepare(lambda _: None)


class Lab:
    """A local cluster that is there, or not."""

    kubeconfig = Path("/nowhere")

    def __init__(self, state: str) -> None:
        self._state = state
        self.did: list[str] = []

    def status(self) -> dict[str, str]:
        return {"state": self._state}

    def up(self, **_: object) -> None:
        self.did.append("up")
        raise DemoError("no memory left")

    def down(self, _: Progress) -> None:
        self.did.append("down")


@pytest.mark.parametrize(("state", "did"), [("running", []), ("absent", ["up", "down"])])
def test_a_cluster_that_was_kept_is_neither_used_nor_removed(
    state: str, did: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.clusters.binaries.path_of", lambda name: Path("/bin") / name)
    stage = LabStage(3, runs_pods=True)
    lab = Lab(state)
    monkeypatch.setattr(stage, "_lab", lab)
    with pytest.raises(DemoError):
        stage.prepare(lambda _: None)
    stage.remove(lambda _: None)
    assert lab.did == did
